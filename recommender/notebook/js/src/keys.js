// Turns a key into the name of what it does; "" where the key belongs to the element that has the focus.
export const KEYS = [
  ["j", "next", "next row (also \u2193)"],
  ["k", "previous", "row before (also \u2191)"],
  ["n", "nextPage", "next page"],
  ["p", "previousPage", "page before"],
  ["a", "accept", "accept this row, or the marked rows"],
  ["d", "decline", "decline"],
  ["x", "forget", "take the decision back: undecided again"],
  ["u", "undo", "undo the last change"],
  [" ", "mark", "mark this row, to decide several at once"],
  ["A", "acceptAll", "accept all undecided rows of the filter (asks first)"],
  ["D", "declineAll", "decline all undecided rows of the filter (asks first)"],
  ["/", "search", "filter by text"],
  ["g", "graph", "show or hide the graph of these rows"],
  ["m", "matrix", "show or hide the matrix"],
  ["e", "edit", "edit what the row opens"],
  ["Enter", "open", "go to the row's details"],
  ["Escape", "back", "back to the rows"],
  ["?", "help", "these keys"],
];

const NAMES = new Map([...KEYS.map(([key, name]) => [key, name]), ["ArrowDown", "next"], ["ArrowUp", "previous"]]);
const ONLY_IN_ROWS = new Set([" ", "Enter", "ArrowDown", "ArrowUp"]);

export function whatKeyDoes(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return "";
  const writes = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (writes && event.key !== "Escape") return "";
  if (ONLY_IN_ROWS.has(event.key) && !event.target.closest("tbody tr[data-row]")) return "";
  if (event.key === "Escape" && event.target.closest("dialog")) return "";
  return NAMES.get(event.key) ?? "";
}
