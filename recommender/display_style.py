"""Turns nothing: the style of podfence's tables in a notebook, in the notebook's own colours, light and dark."""

from typing import Final

STYLE: Final = """
.podfence{--pf-text:var(--jp-content-font-color1,#1b2430);--pf-dim:var(--jp-content-font-color2,#5a6675);
--pf-line:var(--jp-border-color2,#d8dde4);--pf-panel:var(--jp-layout-color2,#f6f7f9);
--pf-good:var(--jp-success-color0,#0f7a43);--pf-bad:var(--jp-error-color0,#b8152b);
--pf-warn:var(--jp-warn-color0,#8a5a00);--pf-key:var(--jp-brand-color0,#0b57a4);color:var(--pf-text)}
.podfence p{margin:0 0 6px;max-width:100ch}
.podfence .dim,.podfence small{color:var(--pf-dim)}
.podfence .scroll{overflow-x:auto;max-width:100%;margin:0 0 6px}
.podfence table{border-collapse:collapse;margin:0}
.podfence th,.podfence td{text-align:left;vertical-align:top;padding:2px 10px 2px 0;
border-bottom:1px solid var(--pf-line)}
.podfence th.number,.podfence td.number{text-align:right}
.podfence td{max-width:56ch;overflow-wrap:break-word}
.podfence .time{white-space:nowrap}
.podfence p,.podfence bdi{overflow-wrap:break-word}
.podfence pre{white-space:pre-wrap}
.podfence td>code{white-space:nowrap}
.podfence .said{max-width:64ch}
.podfence .allowed,.podfence .accepted{color:var(--pf-good)}
.podfence .denied,.podfence .declined{color:var(--pf-bad)}
.podfence .undecidable,.podfence .undecided{color:var(--pf-warn)}
.podfence .badge{font-weight:600}
.podfence .unseen{outline:1px solid var(--pf-warn);padding:0 2px;font-size:85%}
.podfence .yaml{background:var(--pf-panel);color:var(--pf-key);padding:8px 12px;overflow-x:auto;margin:4px 0 8px}
.podfence .yaml i{color:var(--pf-text);font-style:normal}.podfence .yaml em{color:var(--pf-dim);font-style:normal}
.podfence summary{cursor:pointer}
"""
"""Markup as it stands: nothing of anybody else's may come into it."""
