// Turns a page of rows into a table that sorts in Python and is walked by key.
import { memo } from "./memo.js";
import { count, effectOf, EFFECTS, STATUSES } from "./words.js";

const COLUMNS = [
  ["status", "Status"], ["from", "From"], ["to", "To"], ["port", "Port"], ["seen", "Seen"],
  ["effect", "If exported now"], ["caveats", "Caveats"],
];

export function Table({ rows, page, at, setAt, marked, want }) {
  const wanted = page.wanted ?? {};
  return (
    <div class="scroll">
      <table role="grid" aria-label="Suggestions" aria-rowcount={(page.total ?? 0) + 1} aria-multiselectable="true" data-testid="rows">
        <thead>
          <tr aria-rowindex={1}>
            {COLUMNS.map(([name, words]) => {
              const sorted = wanted.sort === name ? (wanted.descending ? "descending" : "ascending") : undefined;
              return (
                <th key={name} scope="col" aria-sort={sorted ?? "none"} class={name}>
                  <button type="button" data-testid={`sort-${name}`} onClick={() => want({ sort: name, descending: sorted === "ascending" })}>
                    {words}<span aria-hidden="true">{sorted ? (wanted.descending ? " \u25be" : " \u25b4") : ""}</span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <Row key={row.key} row={row} index={index} number={page.offset + index + 2} here={index === at} marked={marked.has(row.key)} setAt={setAt} />
          ))}
          {!rows.length && <tr><td colSpan={COLUMNS.length} class="empty" data-testid="no-rows">Nothing is like this. Clear the filter to see everything.</td></tr>}
        </tbody>
      </table>
    </div>
  );
}

const Row = memo(({ row, index, number, here, marked, setAt }) => (
  <tr
    data-row={index} data-key={row.key} data-testid="row" data-status={row.status} aria-rowindex={number}
    aria-selected={here || marked} tabIndex={here ? 0 : -1} class={`${here ? "here" : ""} ${marked ? "marked" : ""}`}
    onClick={() => setAt(index)} onFocus={() => setAt(index)}
  >
    <td class="status"><span class={`status ${row.status}`}>{STATUSES[row.status]}</span></td>
    <td class="end"><End parts={row.from} /></td>
    <td class="end"><End parts={row.to} /></td>
    <td class="port">{row.port}</td>
    <td class="number">{count(row.seen)}</td>
    <td class="effects"><span class={`effect plain ${row.effect}`}><span class="mark" aria-hidden="true">{EFFECTS[row.effect]?.mark}</span> {effectOf(row)}</span></td>
    <td class="caveats">{row.caveats.join(", ")}</td>
  </tr>
));

function End({ parts }) {
  return <><bdi class="box">{parts[0]}</bdi> <bdi>{parts[1]}</bdi></>;
}

export function Pager({ page, turn }) {
  const last = Math.min((page.offset ?? 0) + (page.size ?? 0), page.total ?? 0);
  if (!(page.total > page.size)) return null;
  return (
    <nav class="pager" aria-label="Pages">
      <button type="button" disabled={page.offset === 0} data-testid="page-before" onClick={() => turn(page.offset - page.size, 0)}>Before</button>
      <span data-testid="page-range">{count(page.offset + 1)}{"\u2013"}{count(last)} of {count(page.total)}</span>
      <button type="button" disabled={last >= page.total} data-testid="page-next" onClick={() => turn(page.offset + page.size, 0)}>Next</button>
    </nav>
  );
}
