// Turns what Python knows of one row into the pane beside the table.
import { Edit } from "./edit.jsx";
import { count, effectOf, EFFECTS, plural, STATUSES } from "./words.js";

const TABS = [
  ["evidence", "Evidence"], ["yaml", "YAML"], ["difference", "Difference"], ["cut", "Would break"], ["edit", "Edit"],
];

export function Detail({ detail, tab, setTab, why, setWhy, decide, ask, waiting, marked }) {
  if (!detail.key) return <aside class="detail dim" data-testid="detail" aria-label="Details">Choose a row to see its evidence.</aside>;
  const many = marked ? ` ${plural(marked, "marked row")}` : "";
  return (
    <aside class={waiting ? "detail waiting" : "detail"} data-testid="detail" data-key={detail.key} aria-busy={waiting} aria-label="Details">
      <h3>
        <bdi>{detail.from.join(" ")}</bdi> <span aria-hidden="true">{"\u2192"}</span> <bdi>{detail.to.join(" ")}</bdi> <span class="port">{detail.port}</span>
      </h3>
      <Decision detail={detail} />
      <div class="decide">
        <input data-testid="why" aria-label="Why (kept with the decision)" placeholder="Why (kept with the decision)" value={why} onInput={(event) => setWhy(event.currentTarget.value)} maxLength={2000} />
        <button type="button" class="accept" data-testid="accept" aria-disabled={waiting} onClick={() => waiting || decide("accept")}>Accept{many} <kbd>a</kbd></button>
        <button type="button" class="decline" data-testid="decline" aria-disabled={waiting} onClick={() => waiting || decide("decline")}>Decline{many} <kbd>d</kbd></button>
        <button type="button" data-testid="forget" aria-disabled={waiting || (!detail.decision && !marked)} onClick={() => waiting || decide("")}>Take back <kbd>x</kbd></button>
      </div>
      <Tabs tab={tab} setTab={setTab} detail={detail} />
      <div role="tabpanel" class="tabpanel" id={`pf-panel-${tab}`} aria-label={TABS.find(([name]) => name === tab)[1]} tabIndex={0} data-testid={`panel-${tab}`}>
        {tab === "evidence" && <Evidence detail={detail} />}
        {tab === "yaml" && <Yaml detail={detail} />}
        {tab === "difference" && <Difference detail={detail} />}
        {tab === "cut" && <Cut detail={detail} />}
        {tab === "edit" && <Edit key={detail.key} detail={detail} ask={ask} why={why} />}
      </div>
    </aside>
  );
}

function Tabs({ tab, setTab, detail }) {
  const walk = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = TABS[(TABS.findIndex(([name]) => name === tab) + step + TABS.length) % TABS.length][0];
    setTab(next);
    event.currentTarget.querySelector(`[data-testid=tab-${next}]`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Details" onKeyDown={walk}>
      {TABS.map(([name, words]) => (
        <button
          type="button" key={name} role="tab" data-testid={`tab-${name}`} aria-selected={tab === name} tabIndex={tab === name ? 0 : -1}
          aria-controls={tab === name ? `pf-panel-${name}` : undefined} onClick={() => setTab(name)}
        >
          {words}{name === "cut" && detail.cut.total > 0 ? ` (${count(detail.cut.total)})` : ""}
        </button>
      ))}
    </div>
  );
}

function Decision({ detail }) {
  const decision = detail.decision;
  return (
    <p class="decision" data-testid="decision">
      <span class={`status ${detail.status}`}>{STATUSES[detail.status]}</span>{" "}
      <span class={`effect plain ${detail.effect}`}><span class="mark" aria-hidden="true">{EFFECTS[detail.effect]?.mark}</span> {effectOf(detail)}</span>{" "}
      {decision?.stale && <span>The decision was on <bdi>{decision.stale}</bdi>, which is not the same any more: decide again. </span>}
      {decision && (
        <span class="dim">
          {decision.choice === "accept" ? "accepted" : "declined"}
          {decision.by && <> by <bdi>{decision.by}</bdi></>}{decision.at && ` at ${decision.at}`}
          {decision.why && <>: <q><bdi>{decision.why}</bdi></q></>}
          {decision.widen && `; opens ${decision.widen}`}
        </span>
      )}
    </p>
  );
}

function Evidence({ detail }) {
  return (
    <>
      <p>{detail.reason}</p>
      {detail.caveats.length > 0 && (
        <ul class="caveats" data-testid="caveats">
          {detail.caveats.map(([name, words]) => <li key={name}><code>{name}</code> {words}</li>)}
        </ul>
      )}
      <dl class="facts">
        {detail.evidence.map(([name, text]) => <div key={name}><dt>{name}</dt><dd><bdi>{text}</bdi></dd></div>)}
        <div><dt>Accepting closes</dt><dd><bdi>{detail.closes.join(", ")}</bdi></dd></div>
      </dl>
    </>
  );
}

function Yaml({ detail }) {
  const accepted = detail.status === "accepted";
  return (
    <>
      <Documents title={accepted ? "In these policies, as approved now" : "Policies of its ends, as approved now"} documents={detail.now} none="None: nothing is approved there yet." />
      {!accepted && <Documents title="As they would be, once it is accepted" documents={detail.then} none="None." />}
    </>
  );
}

function Documents({ title, documents, none }) {
  return (
    <>
      <h4>{title}</h4>
      {!documents.length && <p class="dim">{none}</p>}
      {documents.map(({ name, text }) => <pre key={name} class="yaml" tabIndex={0} aria-label={name}>{text}</pre>)}
    </>
  );
}

const SIGNS = { "+": "added", "-": "removed", "@": "place" };

function Difference({ detail }) {
  return detail.differences.map(({ against, note, lines, left }) => (
    <div key={against} data-testid="difference">
      <h4>Difference {against}</h4>
      {note && <p class="dim">{note}</p>}
      {!lines.length && <p class="dim">None.</p>}
      {lines.length > 0 && (
        <pre class="yaml diff" tabIndex={0} aria-label={`Difference ${against}`}>
          {lines.map(([sign, text], index) => <div key={index} class={SIGNS[sign] ?? ""}>{sign === "@" ? "" : `${sign} `}{text}</div>)}
        </pre>
      )}
      {left > 0 && <p class="dim">{plural(left, "more line")}</p>}
    </div>
  ));
}

function Cut({ detail }) {
  const { total, would_break: breaking, rows } = detail.cut;
  const how = detail.status === "accepted" ? "The directions that this closes cut off" : "Accepting this would cut off";
  if (!total) return <p>{how} nothing else that was seen.</p>;
  return (
    <>
      <p>{how} {plural(total, "other communication")}; {count(breaking)} of them nobody has decided on.</p>
      <ul class="cut" data-testid="cut">
        {rows.map(({ key, what, effect, seen }) => (
          <li key={key}><span class={`effect plain ${effect}`}><span class="mark" aria-hidden="true">{EFFECTS[effect].mark}</span> {EFFECTS[effect].words}</span> <bdi>{what}</bdi> <span class="dim">{count(seen)} times</span></li>
        ))}
      </ul>
      {total > rows.length && <p class="dim">and {count(total - rows.length)} more</p>}
    </>
  );
}
