// Turns filters, bulk decisions and the export into buttons and fields.
import { useEffect, useRef, useState } from "preact/hooks";
import { count, plural, STATUSES } from "./words.js";

const PAUSE = 150;

export function Toolbar({ summary, page, picture, want, show, clear, undo, ask, asking, setAsking }) {
  const wanted = page.wanted ?? {};
  const counts = summary.counts ?? {};
  const boxes = summary.boxes ?? [];
  const filtered = ["text", "status", "caveat", "effect", "touching", "source", "destination"].some((name) => wanted[name]);
  return (
    <>
      <div class="tools" role="toolbar" aria-label="Filter">
        <Search text={wanted.text ?? ""} want={want} />
        <div class="chips" role="group" aria-label="Status">
          {Object.entries(STATUSES).map(([name, words]) => (
            <button
              type="button" key={name} class={`chip ${name}`} aria-pressed={wanted.status === name} data-testid={`status-${name}`}
              onClick={() => want({ status: wanted.status === name ? "" : name })}
            >
              {words} <b>{count(counts[name])}</b>
            </button>
          ))}
        </div>
        <select
          aria-label="Namespace" data-testid="filter-namespace" value={boxes.some(([key]) => key === wanted.touching) ? wanted.touching : ""}
          onChange={(event) => want({ touching: event.currentTarget.value })}
        >
          <option value="">every namespace</option>
          {boxes.map(([key, name]) => <option key={key} value={key}>{name}</option>)}
        </select>
        <select
          aria-label="Caveat" data-testid="filter-caveat" value={wanted.caveat}
          onChange={(event) => want({ caveat: event.currentTarget.value })}
        >
          <option value="">every caveat</option>
          {Object.entries(summary.caveats ?? {}).map(([name, words]) => <option key={name} value={name} title={words}>{name}</option>)}
        </select>
        {(page.chips ?? []).map(({ name, words }) => (
          <button type="button" key={name} class="chip taken" data-testid={`taken-${name}`} onClick={() => want({ [name]: "" })} aria-label={`Remove the filter: ${words}`}>
            <bdi>{words}</bdi> <span aria-hidden="true">{"\u00d7"}</span>
          </button>
        ))}
        {filtered && <button type="button" class="quiet" data-testid="clear-filter" onClick={clear}>Clear</button>}
        <span class="space" />
        <button type="button" data-testid="show-graph" aria-pressed={picture.show === "graph"} onClick={() => show("graph")}>Graph</button>
        <button type="button" data-testid="show-matrix" aria-pressed={picture.show === "matrix"} onClick={() => show("matrix")}>Matrix</button>
        <button type="button" data-testid="undo" onClick={undo}>Undo</button>
        <button type="button" data-testid="open-export" aria-expanded={asking === "export"} onClick={() => setAsking(asking === "export" ? "" : "export")}>Export{"\u2026"}</button>
        <button type="button" data-testid="open-help" aria-expanded={asking === "help"} onClick={() => setAsking(asking === "help" ? "" : "help")}>Keys</button>
      </div>
      {asking === "export" && <Export ask={ask} half={summary.half_decided} close={() => setAsking("")} />}
    </>
  );
}

function Search({ text, want }) {
  const [typed, setTyped] = useState(text);
  const timer = useRef(0);
  useEffect(() => setTyped(text), [text]);
  const later = (event) => {
    const value = event.currentTarget.value;
    setTyped(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => want({ text: value }), PAUSE);
  };
  return (
    <input
      type="search" class="search" data-testid="filter-text" aria-label="Filter by text" placeholder="Filter  ( / )"
      value={typed} onInput={later} maxLength={500} spellcheck={false} autocomplete="off"
    />
  );
}

function Export({ ask, half, close }) {
  const [folder, setFolder] = useState("policies");
  const [incomplete, setIncomplete] = useState(false);
  const [reply, setReply] = useState(null);
  const write = async (event) => {
    event.preventDefault();
    setReply(await ask({ do: "export", folder, allow_incomplete: incomplete }));
  };
  return (
    <form class="panel export" onSubmit={write} data-testid="export" aria-label="Export">
      <label>Folder <input data-testid="export-folder" value={folder} onInput={(event) => setFolder(event.currentTarget.value)} /></label>
      {half > 0 && (
        <label class="check">
          <input type="checkbox" data-testid="export-incomplete" checked={incomplete} onChange={(event) => setIncomplete(event.currentTarget.checked)} />
          also the {plural(half, "direction")} that {half === 1 ? "is" : "are"} half decided
        </label>
      )}
      <button type="submit" class="strong" data-testid="export-now">Write approved policies</button>
      <button type="button" class="quiet" onClick={close}>Close</button>
      {reply && <p class={reply.ok ? "" : "refused"} role="status" data-testid="export-said">{reply.say}</p>}
    </form>
  );
}

export function Bulk({ page, bulk, setBulk, why, ask, marked, clearMarked }) {
  const number = page.undecided ?? 0;
  const go = async () => {
    await ask({ do: "decide_undecided", choice: bulk, why, expect: number });
    setBulk("");
  };
  if (bulk && number) {
    return (
      <div key="asks" class="bulk asks" role="group" aria-label="Confirm" data-testid="bulk-confirm">
        <span>{bulk === "accept" ? "Accept" : "Decline"} {count(number)} undecided of {count(page.total)} rows? The others stay as they are.</span>
        <button type="button" class="strong" data-testid="bulk-yes" onClick={go} ref={focusOnce}>Yes, {bulk}</button>
        <button type="button" data-testid="bulk-no" onClick={() => setBulk("")}>No</button>
      </div>
    );
  }
  return (
    <div key="counts" class="bulk">
      <span data-testid="shown">{plural(page.total ?? 0, "row")}, {count(number)} undecided</span>
      {marked.size > 0 && <button type="button" class="quiet" data-testid="clear-marked" onClick={clearMarked}>{count(marked.size)} marked: clear</button>}
      <span class="space" />
      <button type="button" disabled={!number} data-testid="bulk-accept" onClick={() => setBulk("accept")}>Accept {count(number)} undecided{"\u2026"}</button>
      <button type="button" disabled={!number} data-testid="bulk-decline" onClick={() => setBulk("decline")}>Decline {count(number)} undecided{"\u2026"}</button>
    </div>
  );
}

const focusOnce = (element) => element?.focus();
