// Turns the closed vocabularies of Python into words and marks; a mark tells apart what colour tells apart too.
export const EFFECTS = {
  allowed: { words: "allowed", mark: "\u2713" },
  would_break: { words: "would break", mark: "\u2717" },
  blocked: { words: "blocked on purpose", mark: "\u2298" },
  not_affected: { words: "not affected", mark: "\u25cb" },
};

export const STATUSES = { undecided: "Undecided", stale: "Stale", accepted: "Accepted", declined: "Declined" };

export function effectOf(row) {
  if (row.status === "declined" && row.effect === "not_affected") return "declined, still open";
  return EFFECTS[row.effect]?.words ?? row.effect;
}

export const count = (number) => Number(number ?? 0).toLocaleString("en");

export const plural = (number, one) => `${count(number)} ${one}${number === 1 ? "" : "s"}`;
