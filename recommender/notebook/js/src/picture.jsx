// Turns boxes and lines that Python laid out into SVG, and the matrix into a table; a click filters the rows.
import { useId, useRef } from "preact/hooks";
import { count, EFFECTS, plural } from "./words.js";

export function Picture({ picture, want, ask }) {
  if (!picture.show) return null;
  const dns = (event) => ask({ do: "picture", show: picture.show, dns: event.currentTarget.checked }, { quiet: true });
  return (
    <div class="picture" data-testid="picture">
      <div class="legend">
        {Object.entries(EFFECTS).map(([name, { words, mark }]) => (
          <span key={name} class={`effect plain ${name}`}>
            <svg width="34" height="10" aria-hidden="true"><path class={`line ${name}`} d="M1 5H33" /></svg> <span class="mark" aria-hidden="true">{mark}</span> {words}
          </span>
        ))}
        <label class="check"><input type="checkbox" data-testid="show-dns" checked={picture.dns} onChange={dns} />name resolution (port 53){picture.hidden > 0 && `: ${plural(picture.hidden, "row")} not drawn`}</label>
      </div>
      <p class="dim">
        Of the rows that the filter shows: {plural(picture.rows, "row")}.
        {picture.whole && " Namespaces are drawn as one box each, for they are many; choose one to see its workloads."}
        {picture.show === "graph" && picture.edges.length > MANY && " With so many lines, the matrix is easier to read."}
        {picture.not_drawn > 0 && ` ${plural(picture.not_drawn, "line")} not drawn: the matrix has them all.`}
        {" "}Choose a box, a workload or a line to filter for it.
      </p>
      {picture.show === "graph" ? <Graph picture={picture} want={want} /> : <Matrix picture={picture} want={want} />}
    </div>
  );
}

const words = (edge) => `${edge.words}: ${plural(edge.count, "suggestion")}, ${EFFECTS[edge.effect].words}${edge.undecided ? `, ${count(edge.undecided)} undecided` : ""}`;
const MANY = 120;
const width = (number) => Math.min(5, 1.2 + Math.log2(number) / 2.2).toFixed(1);

// One stop of the Tab key: left and right walk the boxes and workloads, down and up the lines of the one they began at.
function walk(event, svg, edges) {
  const here = event.target.closest("[data-place], [data-edge]");
  if (!here || !["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter", " "].includes(event.key)) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.key === "Enter" || event.key === " ") return here.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  const places = [...svg.querySelectorAll("[data-place]")];
  const origin = svg.dataset.origin || here.dataset.place;
  const own = edges.map((edge, index) => [edge, index]).filter(([edge]) => edge.from === origin || edge.to === origin).map(([, index]) => index);
  const step = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1;
  let next = null;
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    const at = places.findIndex((place) => place.dataset.place === origin);
    next = places[(at + step + places.length) % places.length];
    svg.dataset.origin = next.dataset.place;
  } else {
    svg.dataset.origin = origin;
    const at = here.dataset.edge ? own.indexOf(Number(here.dataset.edge)) + step : step > 0 ? 0 : -1;
    next = at < 0 ? svg.querySelector(`[data-place="${origin}"]`) : svg.querySelector(`[data-edge="${own[Math.min(at, own.length - 1)]}"]`);
  }
  next?.focus();
}

function Graph({ picture, want }) {
  const id = useId();
  const svg = useRef(null);
  const { boxes, nodes, edges } = picture;
  const first = boxes.find((box) => box.whole)?.key ?? nodes[0]?.key;
  const many = edges.length > MANY ? "many" : "";
  const place = (key) => ({
    "data-place": key, tabIndex: key === first ? 0 : -1, role: "button", class: "place",
    onClick: () => want({ touching: key, source: "", destination: "" }),
    onFocus: () => { svg.current.dataset.origin = key; },
  });
  const drawBox = (box) => (
    <g key={box.key} class={box.inside ? "box" : "box outside"} {...(box.whole ? { ...place(box.key), class: `box place ${box.inside ? "" : "outside"}`, "aria-label": `${box.label}, ${plural(box.count, "end")}` } : {})}>
      <rect x={box.x} y={box.y} width={box.w} height={box.h} rx="7" />
      <text class="name" x={box.x + 9} y={box.y + 17} data-testid="box" onClick={box.whole ? undefined : () => want({ touching: box.key, source: "", destination: "" })}>{short(box.label, 25)}<title>{box.label}</title></text>
      {box.whole && <text class="small" x={box.x + 9} y={box.y + 38}>{plural(box.count, box.inside ? "workload" : "address").replace("addresss", "addresses")}</text>}
    </g>
  );
  if (!boxes.length) return <p class="dim">Nothing to draw.</p>;
  return (
    <div class="canvas">
      <svg
        ref={svg} width={picture.width} height={picture.height} viewBox={`0 0 ${picture.width} ${picture.height}`}
        class={many} role="group" aria-label="Graph of the rows shown" data-testid="graph" onKeyDown={(event) => walk(event, svg.current, edges)}
      >
        <defs>
          {Object.keys(EFFECTS).map((name) => (
            <marker key={name} id={`${id}-${name}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">
              <path class={`head ${name}`} d="M0 0L8 4L0 8z" />
            </marker>
          ))}
        </defs>
        {boxes.filter((box) => !box.whole).map(drawBox)}
        {/* the worst lines above the others, and boxes above the lines that only pass behind them */}
        {edges.map((edge, index) => [edge, index]).reverse().map(([edge, index]) => (
          <g key={`${edge.from} ${edge.to}`} class="edge" data-edge={index} data-testid="edge" tabIndex={-1} role="button" aria-label={words(edge)} onClick={() => want({ touching: "", source: edge.from, destination: edge.to })}>
            <path class="reach" d={edge.path} />
            <path class={`line ${edge.effect}`} d={edge.path} stroke-width={width(edge.count)} marker-end={`url(#${id}-${edge.effect})`} />
            <title>{words(edge)}</title>
          </g>
        ))}
        {boxes.filter((box) => box.whole).map(drawBox)}
        {nodes.map((node) => (
          <g key={node.key} {...place(node.key)} aria-label={node.label} data-testid="node">
            <rect class="node" x={node.x} y={node.y} width={node.w} height={node.h} rx="4" />
            <text x={node.x + 7} y={node.y + 14}>{short(node.label, 24)}<title>{node.label}</title></text>
          </g>
        ))}
      </svg>
    </div>
  );
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}\u2026` : text);

function Matrix({ picture, want }) {
  const cells = new Map(picture.cells.map((cell) => [`${cell.from} ${cell.to}`, cell]));
  const touch = (key) => () => want({ touching: key, source: "", destination: "" });
  return (
    <div class="canvas">
      <table class="matrix" data-testid="matrix" aria-label="Who asks (rows) whom (columns)">
        <thead><tr><th scope="col">asks {"\u2193"} whom {"\u2192"}</th>{picture.columns_of.map(({ key, label }) => <th key={key} scope="col"><button type="button" title={label} onClick={touch(key)}>{short(label, 18)}</button></th>)}</tr></thead>
        <tbody>
          {picture.rows_of.map(({ key, label }) => (
            <tr key={key}>
              <th scope="row"><button type="button" title={label} onClick={touch(key)}>{short(label, 28)}</button></th>
              {picture.columns_of.map((column) => {
                const cell = cells.get(`${key} ${column.key}`);
                return (
                  <td key={column.key}>
                    {cell && (
                      <button type="button" class={`effect ${cell.effect}`} data-testid="cell" aria-label={words({ ...cell, words: `${label} to ${column.label}` })} title={words({ ...cell, words: `${label} to ${column.label}` })} onClick={() => want({ touching: "", source: key, destination: column.key })}>
                        <span class="mark" aria-hidden="true">{EFFECTS[cell.effect].mark}</span>{count(cell.count)}
                      </button>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
