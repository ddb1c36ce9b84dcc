// Turns Python's traits into the whole view, and keys and clicks into commands.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Detail } from "./detail.jsx";
import { Header } from "./header.jsx";
import { Help } from "./help.jsx";
import { whatKeyDoes } from "./keys.js";
import { useCommands, useTrait } from "./link.js";
import { Picture } from "./picture.jsx";
import { Pager, Table } from "./table.jsx";
import { Bulk, Toolbar } from "./toolbar.jsx";
import { plural } from "./words.js";

const PAUSE = 80;
const NOTHING = { source: "", destination: "", touching: "", effect: "", caveat: "", status: "", text: "" };

export function App({ model }) {
  const summary = useTrait(model, "summary");
  const page = useTrait(model, "page");
  const detail = useTrait(model, "detail");
  const picture = useTrait(model, "picture");
  const send = useCommands(model);
  const root = useRef(null);
  const [at, setAt] = useState(0);
  const [marked, setMarked] = useState(() => new Set());
  const [said, setSaid] = useState({ ok: true, say: "" });
  const [busy, setBusy] = useState(false);
  const [tab, setTab] = useState("evidence");
  const [why, setWhy] = useState("");
  const [bulk, setBulk] = useState("");
  const [asking, setAsking] = useState("");

  const rows = page.rows ?? [];
  const current = rows[Math.min(at, rows.length - 1)];
  const wanted = page.wanted ?? NOTHING;

  const ask = useCallback(
    async (command, { quiet = false } = {}) => {
      if (!quiet) setBusy(true);
      const reply = await send(command);
      if (!quiet) setBusy(false);
      if (!quiet || !reply.ok) setSaid({ ok: reply.ok, say: reply.say });
      return reply;
    },
    [send],
  );
  // A filter adds to the one last asked for, which may not be answered yet.
  const asked = useRef(null);
  const want = useCallback(
    async (more, offset = 0) => {
      setBulk("");
      setAt(0);
      const wanting = { ...(asked.current ?? model.get("page")?.wanted ?? NOTHING), ...more };
      asked.current = wanting;
      const reply = await ask({ do: "rows", ...wanting, offset }, { quiet: true });
      if (asked.current === wanting) asked.current = null;
      return reply;
    },
    [ask, model],
  );
  const decide = useCallback(
    async (choice) => {
      const keys = marked.size ? [...marked] : current ? [current.key] : [];
      if (!keys.length) return;
      const command = choice ? { do: "decide", keys, choice, why } : { do: "forget", keys };
      if ((await ask(command)).ok) {
        setMarked(new Set());
        setWhy("");
      }
    },
    [ask, current, marked, why],
  );

  // The open row is the one that the cursor is on; when a decision takes it out of the filter, the next one comes.
  const opened = current?.key ?? "";
  useEffect(() => {
    // A moment later, so that walking the rows asks only for the one that the cursor stays on.
    const timer = setTimeout(() => opened !== (model.get("detail")?.key ?? "") && send({ do: "detail", key: opened }), PAUSE);
    return () => clearTimeout(timer);
  }, [opened]);
  useEffect(() => {
    if (at > Math.max(0, rows.length - 1)) setAt(Math.max(0, rows.length - 1));
  }, [rows.length, at]);
  useEffect(() => {
    const look = () => document.visibilityState === "visible" && send({ do: "look" });
    window.addEventListener("focus", look);
    return () => window.removeEventListener("focus", look);
  }, [send]);

  // What had the focus may go with the answer (a row that left the filter, a button that asked): the cursor takes it.
  const focused = useRef(null);
  useEffect(() => {
    if (!focused.current || (focused.current.isConnected && !focused.current.disabled)) return;
    focused.current = null;
    focusRow(root.current, Math.min(at, rows.length - 1));
  });

  const turn = async (offset, row) => {
    if (offset < 0 || offset >= page.total) return;
    await want({}, offset);
    setAt(row);
    focusRow(root.current, row);
  };
  const move = (step) => {
    const next = Math.min(at, rows.length - 1) + step;
    if (next < 0) return turn(page.offset - page.size, page.size - 1);
    if (next >= rows.length) return turn(page.offset + page.size, 0);
    setAt(next);
    focusRow(root.current, next);
  };
  const mark = () => {
    const kept = new Set(marked);
    if (!kept.delete(opened)) kept.add(opened);
    setMarked(kept);
  };
  const show = (what) => ask({ do: "picture", show: picture.show === what ? "" : what, dns: picture.dns }, { quiet: true });

  const actions = {
    next: () => move(1),
    previous: () => move(-1),
    nextPage: () => turn(page.offset + page.size, 0),
    previousPage: () => turn(page.offset - page.size, 0),
    accept: () => decide("accept"),
    decline: () => decide("decline"),
    forget: () => decide(""),
    acceptAll: () => page.undecided && setBulk("accept"),
    declineAll: () => page.undecided && setBulk("decline"),
    undo: () => ask({ do: "undo" }),
    mark,
    search: () => root.current?.querySelector("[data-testid=filter-text]")?.focus(),
    help: () => setAsking("help"),
    graph: () => show("graph"),
    matrix: () => show("matrix"),
    edit: () => setTab("edit"),
    open: () => root.current?.querySelector("[role=tab][aria-selected=true]")?.focus(),
    back: () => {
      setBulk("");
      focusRow(root.current, Math.min(at, rows.length - 1));
    },
  };
  const onKey = (event) => {
    // JupyterLab prevents the browser's own way of sending a form by Enter.
    if (event.key === "Enter" && !event.isComposing && event.target.matches("form input")) {
      event.preventDefault();
      event.stopPropagation();
      return event.target.form.requestSubmit();
    }
    const name = whatKeyDoes(event);
    if (!name) return;
    event.preventDefault();
    event.stopPropagation();
    actions[name]();
  };

  return (
    <section
      ref={root}
      class="podfence-review"
      data-lm-suppress-shortcuts="true"
      data-testid="podfence-review"
      aria-label={`Review of ${summary.folder}`}
      aria-busy={busy}
      onKeyDown={onKey}
      onFocusIn={(event) => { focused.current = event.target; }}
    >
      <Header summary={summary} wanted={wanted} want={want} ask={ask} />
      <Toolbar
        summary={summary} page={page} picture={picture} want={want} show={show} clear={() => want(NOTHING)}
        undo={actions.undo} ask={ask} asking={asking} setAsking={setAsking}
      />
      {asking === "help" && <Help close={() => setAsking("")} />}
      <Picture picture={picture} want={want} ask={ask} />
      <div class="columns">
        <div class="list">
          <Bulk page={page} bulk={bulk} setBulk={setBulk} why={why} ask={ask} marked={marked} clearMarked={() => setMarked(new Set())} />
          <Table rows={rows} page={page} at={Math.min(at, rows.length - 1)} setAt={setAt} marked={marked} want={want} />
          <Pager page={page} turn={turn} />
        </div>
        <Detail
          detail={opened ? detail : {}} waiting={detail.key !== opened} tab={tab} setTab={setTab} why={why} setWhy={setWhy}
          decide={decide} ask={ask} marked={marked.size}
        />
      </div>
      <p class={said.ok ? "said" : "said refused"} role="status" aria-live="polite" data-testid="said">
        {busy ? "\u2026" : said.say || `${plural(page.total ?? 0, "row")} shown; ? lists the keys`}
      </p>
    </section>
  );
}

function focusRow(root, row) {
  requestAnimationFrame(() => root?.querySelector(`tr[data-row="${row}"]`)?.focus());
}
