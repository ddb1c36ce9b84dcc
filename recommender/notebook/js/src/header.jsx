// Turns the summary into the lines that are always visible: what exporting now would do, and whether it is outdated.
import { count, EFFECTS, plural } from "./words.js";

export function Header({ summary, wanted, want, ask }) {
  const effects = summary.effects ?? {};
  return (
    <header>
      <div class="title">
        <strong>Review</strong> <bdi class="path">{summary.folder}</bdi>
        <span class="dim">
          {summary.by ? <>deciding as <bdi>{summary.by}</bdi></> : "decisions carry no name: pass by=\"\u2026\""}
        </span>
      </div>
      <div class="now" role="group" aria-label={summary.line} data-testid="if-exported-now">
        <span class="lead">If exported now:</span>
        {Object.entries(EFFECTS).map(([name, { words, mark }]) => (
          <button
            type="button" key={name} class={`effect ${name}`} data-testid={`effect-${name}`}
            aria-pressed={wanted.effect === name}
            onClick={() => want({ effect: wanted.effect === name ? "" : name })}
            title={`Show only what is ${words}`}
          >
            <span class="mark" aria-hidden="true">{mark}</span> <b>{count(effects[name])}</b> {words}
          </button>
        ))}
        {summary.withheld > 0 && <span class="effect would_break plain">{count(summary.withheld)} more would break that no rule can be written for</span>}
        {summary.half_decided > 0 && <span class="dim">{plural(summary.half_decided, "direction")} half decided</span>}
        {summary.orphans > 0 && <span class="dim">{count(summary.orphans)} decisions on what is suggested no more</span>}
      </div>
      {summary.outdated && (
        <div class="outdated" role="alert" data-testid="outdated">
          <span>{summary.outdated}</span>
          <button type="button" class="strong" data-testid="load-again" onClick={() => ask({ do: "reload" })}>Load again</button>
        </div>
      )}
    </header>
  );
}
