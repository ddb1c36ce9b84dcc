"""Turns nothing: the page's style as text, light and dark, for screens of any width and for paper."""

from typing import Final

_COLOURS: Final = """
:root{color-scheme:light dark;--bg:#fff;--panel:#f6f7f9;--card:#fff;--text:#1b2430;--dim:#5a6675;--line:#d8dde4;
--link:#0b57a4;--good:#0f7a43;--good-bg:#e8f6ee;--warn:#8a5a00;--warn-bg:#fdf3dc;--bad:#b8152b;--bad-bg:#fdeaec;
--allowed:#0b62a8;--breaks:#c2410c;--undecidable:#7c3aad;--denied:#6b7480;--open:#8a6100;--closed:#0a7567;
--node:#fff;--shadow:#0f172a14;
--key:#0b57a4;--value:#7a3e00;--mark:#ffe08a;--mark-text:#4a3500}
@media (prefers-color-scheme:dark){:root{--bg:#12161c;--panel:#1a2029;--card:#1e2530;--text:#e4e9f0;--dim:#9ba7b6;
--line:#343d4a;--link:#7db8ff;--good:#5fd39a;--good-bg:#12301f;--warn:#f0c060;--warn-bg:#352a10;--bad:#ff8a95;
--bad-bg:#3b151b;--allowed:#62b3f5;--breaks:#ff9255;--undecidable:#c99cf5;--denied:#98a4b3;--open:#e3bd4f;--closed:#4fd0bd;
--node:#262e3a;
--shadow:#0006;--key:#7db8ff;--value:#f0b877;--mark:#5c4a10;--mark-text:#ffe9a8}}
"""

_TEXT: Final = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"DejaVu Sans",sans-serif}
header,main,footer{max-width:1320px;margin:0 auto;padding:0 24px}
header{padding-top:22px}
footer{padding:24px;color:var(--dim);font-size:13px}
h1{font-size:21px;margin:0;overflow-wrap:anywhere}
h2{font-size:20px;margin:0 0 10px;line-height:1.3}
h3{font-size:16px;margin:20px 0 8px}
h4{font-size:14px;margin:16px 0 6px}
p{margin:0 0 10px;max-width:90ch}
header p{margin:2px 0 0}
main>section{margin:34px 0 0;scroll-margin-top:12px}
main>section:first-child{margin-top:16px}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin:12px 0 0;padding:8px 0;border-block:1px solid var(--line);
font-size:14px}
small{color:var(--dim);font-size:12px}
.dim{color:var(--dim)}
bdi,code,dd,h3,.said{overflow-wrap:anywhere}
.said{min-width:26ch;max-width:64ch}.long{min-width:24ch}
code,pre{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12.5px}
.unseen{background:var(--mark);color:var(--mark-text);border-radius:3px;padding:0 3px;font:600 11px/1.3 ui-monospace,
monospace}
.empty{padding:14px 16px;background:var(--panel);border-radius:8px;color:var(--dim)}
.balance{padding-left:10px;border-left:4px solid;margin-top:8px}
.balance.good{border-color:var(--good)}.balance.attention{border-color:var(--warn)}
"""

_VERDICT: Final = """
.verdict{display:flex;gap:16px;align-items:center;padding:18px 20px;border-radius:10px;border:1px solid var(--line);
background:var(--panel)}
.verdict h2{margin:0;font-size:23px}
.verdict p{margin:2px 0 0}
.verdict .mark{flex:none;width:42px;height:42px;border-radius:50%;display:grid;place-items:center;font-size:22px;
font-weight:700;color:var(--bg);background:var(--dim)}
.verdict.good{background:var(--good-bg);border-color:var(--good)}.verdict.good .mark{background:var(--good)}
.verdict.attention{background:var(--warn-bg);border-color:var(--warn)}.verdict.attention .mark{background:var(--warn)}
.verdict.bad{background:var(--bad-bg);border-color:var(--bad)}.verdict.bad .mark{background:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin-top:12px}
.card{display:block;color:inherit;background:var(--card);border:1px solid var(--line);
border-left:5px solid var(--good);border-radius:8px;padding:10px 14px;box-shadow:0 1px 3px var(--shadow)}
.card.large{grid-column:span 2}
.card p{margin:2px 0 0;color:var(--dim);font-size:13px;line-height:1.4}
.card .count{font-size:20px;font-weight:700;font-variant-numeric:tabular-nums}
.card .what{font-weight:600}
.card.large .count{font-size:34px;line-height:1.15}.card.large .what{font-size:17px}
.card.good .count{color:var(--good)}
.card.empty{border-left-color:var(--line)}.card.empty .count{color:var(--dim)}
.card.attention{border-left-color:var(--warn)}.card.attention .count{color:var(--warn)}
.card.bad{border-left-color:var(--bad)}.card.bad .count{color:var(--bad)}
"""

_TABLES: Final = """
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:13.5px;min-width:min(100%,560px)}
th,td{text-align:left;vertical-align:top;padding:6px 12px 6px 0;border-bottom:1px solid var(--line)}
th{color:var(--dim);font-weight:600;font-size:12.5px;white-space:nowrap}
tbody tr:hover{background:var(--panel)}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding-right:18px}
.time{font-variant-numeric:tabular-nums;white-space:nowrap;font-size:12.5px}
td .end,td bdi{display:inline-block;min-width:13ch;max-width:36ch}
td code{white-space:nowrap}
.badge,.caveat{display:inline-block;border-radius:4px;padding:1px 7px;font-size:12px;white-space:nowrap;
border:1px solid currentColor}
.badge.allowed,.badge.closed{color:var(--allowed)}
.badge.breaks{color:var(--bg);background:var(--breaks);font-weight:700;border-color:var(--breaks)}
.badge.denied{color:var(--denied);border-style:dotted}
.badge.open{color:var(--open);border-style:dashed}
.badge.withheld{color:var(--dim)}
.facts i,.caveats i{color:var(--warn);background:var(--warn-bg);border-radius:4px;padding:1px 6px;white-space:nowrap;
font:11.5px/1.6 ui-monospace,monospace}
.facts{font-size:13px}
.facts td:nth-child(2){font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:12.5px;white-space:nowrap}
.facts td:nth-child(3),p>b.allowed{color:var(--allowed)}
.facts td:nth-child(4){text-align:right;padding-right:18px;font-variant-numeric:tabular-nums}
.facts td:nth-child(5),.facts td:nth-child(6){font-variant-numeric:tabular-nums;white-space:nowrap;font-size:12.5px}
.facts.links td:nth-child(5){white-space:normal}
.facts td:first-child{min-width:22ch;max-width:40ch;overflow-wrap:anywhere}
.facts td:last-child{max-width:60ch}
.facts td.breaks,p>b.breaks{color:var(--breaks);font-weight:700}.facts td.denied,p>b.denied{color:var(--denied)}
.facts td.open,p>b.open{color:var(--open)}.facts td.withheld,p>b.withheld{color:var(--dim)}
.facts tr:has(+.more) td{border-bottom:0;padding-bottom:0}
.facts .more td{padding-top:0;max-width:none;color:var(--dim);font:12px/1.5 system-ui,"DejaVu Sans",sans-serif;
text-align:left;white-space:normal}
.facts .more b{font-weight:600}
.more bdi{display:inline!important}
.facts tr:target,.inside:has(>:target)>.link{outline:2px solid var(--link);outline-offset:-1px}
td a,p a{unicode-bidi:isolate}p>a{text-decoration:underline}
.folded{padding:8px 12px;border-left:4px solid var(--warn);background:var(--panel)}
.index{display:flex;flex-wrap:wrap;gap:2px 14px;max-width:none}
.link{font-size:12.5px;color:var(--dim);margin:4px 0 0;overflow-wrap:anywhere;scroll-margin-top:60px}
figure{margin:0 0 10px}
.curve{max-width:100%;overflow:visible}.curve polyline{fill:none;stroke:currentColor;stroke-width:1.5}
.rests>summary{font-size:12.5px;padding:2px 0;color:var(--dim)}
.rests ul{margin:2px 0;padding-left:18px;font-size:12.5px;overflow-wrap:anywhere}
.matrix td{text-align:center;white-space:nowrap;border:1px solid var(--line);padding:3px 7px}
.matrix th[scope=row]{padding-right:10px}
.matrix{min-width:0;margin-bottom:10px}
.matrix td{height:1px}
.matrix th{border:1px solid var(--line);padding:3px 8px;text-align:left}
.matrix .names th,.matrix .single th{vertical-align:bottom;padding:6px 3px;text-align:center}
.matrix .names th span,.matrix .single th span{writing-mode:vertical-rl;transform:rotate(180deg)}
.matrix .names bdi,.matrix .single bdi{min-width:0;max-height:26ch;overflow-wrap:anywhere}
.matrix th bdi,.breaking summary bdi{display:inline-block;min-width:0;max-width:30ch;white-space:normal}
.mark{font-weight:700}
.mark.allowed,.mark.worked{color:var(--allowed)}.mark.undecidable{color:var(--undecidable)}
.mark.denied,.mark.failed{color:var(--denied)}.mark.open{color:var(--open)}.mark.closed{color:var(--closed)}
.mark.would_break{color:var(--bg);background:var(--breaks);border-radius:3px;padding:0 4px}
.matrix .mark+.mark{margin-left:5px}
.key>span{margin-right:14px}
.breaking{margin:8px 0}
details{margin:0}
summary{cursor:pointer;padding:5px 0}
details.namespace{margin:12px 0;border:1px solid var(--line);border-radius:8px;padding:4px 14px 8px}
details.namespace>summary h3{display:inline;margin:0 10px 0 2px}
details.workload,details.why{border-top:1px solid var(--line)}
details.workload>summary>*,details.why>summary>*{margin-right:9px}
.inside section>p{font-size:13.5px;max-width:none}
.inside{padding:0 0 14px 18px;scroll-margin-top:60px}
.yaml{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:10px 14px;overflow-x:auto;
margin:0;line-height:1.45}
.yaml{color:var(--key)}.yaml i{color:var(--value);font-style:normal}.yaml em{color:var(--dim)}
"""

_PICTURE: Final = """
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;padding:8px 0;font-size:13px}
.legend label{display:inline-flex;gap:7px;align-items:center;cursor:pointer}
.legend input{margin:0;accent-color:var(--link)}
.canvas{overflow-x:auto;border:1px solid var(--line);border-radius:10px;background:var(--bg);padding:10px}
.picture{margin-bottom:12px}
.canvas svg{display:block;margin:0 auto;max-width:100%;min-width:880px;height:auto}
.canvas text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--text)}
.canvas svg.wide{max-width:none}
.lane rect{fill:var(--panel);stroke:var(--line)}
.lane.outside rect{fill:none;stroke-dasharray:5 4}
.lane text{font-size:12px;font-weight:700;fill:var(--dim)}
.node rect{fill:var(--node);stroke:var(--dim);stroke-width:1.1}
.node.address rect{stroke-dasharray:3 2}
.node text{text-anchor:middle}
.node .name{font-size:12px;font-weight:600}.node.address .name{font-size:11px}
.node .kind{font-size:9.5px;fill:var(--dim)}
a .node:hover rect{stroke:var(--link);stroke-width:2}
.wire{fill:none;stroke-width:1.7;transition:opacity .12s}
.wire.allowed,.wire.worked{stroke:var(--allowed)}
.wire.undecidable{stroke:var(--undecidable);stroke-width:2.4;stroke-dasharray:.1 6;stroke-linecap:round}
.wire.open{stroke:var(--open);stroke-width:2;stroke-dasharray:14 4}
.wire.closed{stroke:var(--closed);stroke-width:1.8;stroke-dasharray:8 3 1.5 3}
.wire.denied,.wire.failed{stroke:var(--denied);stroke-width:1.1;stroke-dasharray:4 4}
.wire.dns{stroke-width:.8;opacity:.8}
.wire.would_break{stroke:var(--breaks);stroke-width:4;stroke-dasharray:10 5;opacity:1}
.cross.would_break{fill:var(--bg);stroke:var(--breaks);stroke-width:2.4;stroke-dasharray:none;pointer-events:none}
.legend .wire.dns{stroke:var(--allowed)}
.head.dns{fill:var(--allowed)}
.head,.wire.head{stroke:none}
.head.allowed,.head.worked{fill:var(--allowed)}.head.would_break{fill:var(--breaks)}.head.open{fill:var(--open)}
.head.denied,.head.failed{fill:var(--denied)}.head.undecidable{fill:var(--undecidable)}.head.closed{fill:var(--closed)}
.canvas .port{font-size:9.5px;paint-order:stroke;stroke:var(--panel);stroke-width:3px;stroke-linejoin:round;
pointer-events:none}
.canvas .port.allowed,.canvas .port.worked{fill:var(--allowed)}.canvas .port.open{fill:var(--open)}
.canvas .port.would_break{fill:var(--breaks);font-weight:700}.canvas .port.undecidable{fill:var(--undecidable)}
.canvas .port.denied,.canvas .port.failed{fill:var(--dim)}.canvas .port.closed{fill:var(--closed)}
.canvas g:hover>.wire{stroke-width:3}
.canvas g:hover>.wire.would_break{stroke-width:5}
.canvas g:hover>.wire.head{stroke-width:0}
.canvas g:hover>.wire.cross{stroke-width:2.4}
.switch{display:inline-flex;flex-wrap:wrap;gap:4px 18px;margin:2px 0 6px;padding:6px 14px;border:1px solid var(--line);
border-radius:8px;background:var(--panel)}
.switch label{display:inline-flex;gap:7px;align-items:center;cursor:pointer;font-weight:600}
.switch input{margin:0;accent-color:var(--link)}
.view h3{margin:8px 0 0}
.views:has(.pick-before:checked)>.after,.views:has(.pick-after:checked)>.before,
.views:has(.pick-before:checked)>.before>h3,.views:has(.pick-after:checked)>.after>h3{display:none}
.picture:has(.show-would_break:not(:checked)) .canvas .would_break,
.picture:has(.show-undecidable:not(:checked)) .canvas .undecidable,
.picture:has(.show-open:not(:checked)) .canvas .open,.picture:has(.show-allowed:not(:checked)) .canvas .allowed,
.picture:has(.show-closed:not(:checked)) .canvas .closed,.picture:has(.show-denied:not(:checked)) .canvas .denied,
.picture:has(.show-worked:not(:checked)) .canvas .worked,.picture:has(.show-failed:not(:checked)) .canvas .failed,
.picture:has(.show-dns:not(:checked)) .canvas .dns{display:none}
"""

_SIZES: Final = """
@media (max-width:900px){.cards{grid-template-columns:repeat(2,1fr)}}
@media (max-width:560px){header,main,footer{padding-left:14px;padding-right:14px}.cards{grid-template-columns:1fr}
.card.large{grid-column:auto}.verdict{align-items:flex-start}.verdict h2{font-size:19px}.inside{padding-left:4px}
h2{font-size:18px}details.namespace{padding:4px 8px 8px}.said{min-width:20ch}.long{min-width:12ch}
.stack,.stack tbody,.stack tr,.stack td{display:block}.stack thead{display:none}.stack .said{max-width:none}
.stack td{border:0;padding:3px 0}.stack tr{border-bottom:1px solid var(--line);padding:6px 0}.stack bdi{max-width:none}
.facts,.facts tbody{display:block;min-width:0}.facts thead{display:none}
.facts tr{display:flex;flex-wrap:wrap;gap:2px 14px;padding:6px 0}
.facts tr:not(:has(+.more)){border-bottom:1px solid var(--line)}
.facts td,.facts .more td{display:block;border:0;padding:0;flex:none;max-width:100%;white-space:normal}
.facts td:first-child,.facts td:nth-child(7){flex:1 0 100%;min-width:0}.facts td:empty{display:none}
.facts td:nth-child(4)::before{content:"connections "}.facts:not(.links) td:nth-child(5)::before{content:"bytes "}}
@media (prefers-reduced-motion:reduce){.wire{transition:none}}
@media print{:root{color-scheme:light}@page{size:A4 landscape;margin:12mm}
body{font-size:10.5pt}header,main,footer{max-width:none;padding:0}nav,.legend input{display:none}
body:not(.brief) details:not(.rests)::details-content{content-visibility:visible;display:block}summary{list-style:none}
.switch{display:none}.view.after{break-before:page}.legend,.key{break-after:avoid}
.mark.would_break{color:var(--breaks);background:none;outline:1.5pt solid var(--breaks)}
details.rest::details-content{content-visibility:visible;display:block}
.views>.view,.views>.view>h3{display:block!important}
.rests:not([open]){display:none}
.canvas,.scroll,.yaml{overflow:visible}.picture{margin-bottom:12px}
.canvas svg,.canvas svg.wide{min-width:0;max-width:100%;max-height:165mm}
.yaml{white-space:pre-wrap;columns:2;font-size:8pt}
.facts{font-size:8pt}.facts td{font-size:8pt!important}.facts td:first-child{min-width:12ch}
.facts td:last-child{min-width:24ch}
.facts td:nth-child(n+5):nth-child(-n+6){white-space:normal}.again{display:none}
table{font-size:8.5pt}tr,.card,.verdict{break-inside:avoid}h2,h3,h4,summary{break-after:avoid}
a{color:inherit}.card,.verdict,.badge,.canvas svg.wide{max-width:none}
.lane rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

STYLE: Final = _COLOURS + _TEXT + _VERDICT + _TABLES + _PICTURE + _SIZES
