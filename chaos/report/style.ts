/** How a page looks: in the light and in the dark, in a wide window and in a narrow one. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1a1a1a; --paper: #fff; --faint: #5a5a5a; --rule: #d5d5d5; --code: #f1f1f1;
  --line: #1565c0; --fault: #c2185b; --pass: #116329; --fail: #b3261e; --open: #7a5901 }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --paper: #161616; --faint: #a8a8a8; --rule: #3a3a3a;
  --code: #262626; --line: #74b3ff; --fault: #ff6fa3; --pass: #6fdd8b; --fail: #ff8a80; --open: #ffd166 } }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1040px; margin: 1.5rem auto; padding: 0 16px; color: var(--text);
  background: var(--paper); overflow-wrap: break-word }
h1 { font-size: 1.4rem; line-height: 1.25 } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem }
small { font-size: .82rem; font-weight: 400; color: var(--faint) }
code { background: var(--code); padding: .1rem .3rem; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .3rem .6rem .3rem 0; vertical-align: top; border-bottom: 1px solid var(--rule);
  overflow-wrap: anywhere }
td + td { width: 45% } .count td + td, .count th + th { width: auto; text-align: right; font-variant-numeric: tabular-nums }
.pass { color: var(--pass) } .fail { color: var(--fail) } .not-run { color: var(--open) }
.plant { border-left: 4px solid var(--open); padding-left: .7rem }
.hidden { position: absolute; width: 0; height: 0 }
figure { margin: 0; display: grid; grid-template-columns: 3.2rem 1fr; font-size: .75rem; color: var(--faint) }
.scale { display: flex; flex-direction: column; justify-content: space-between; text-align: right; padding-right: .4rem;
  margin: -.55rem 0 }
.plot { grid-column: 2; border-left: 1px solid var(--rule); border-bottom: 1px solid var(--rule); min-width: 0 }
.plot svg { display: block; width: 100%; height: 110px; overflow: hidden }
.plot path { fill: none; stroke: var(--line); stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round;
  vector-effect: non-scaling-stroke }
.plot path[d$="h0"] { stroke-width: 4 }
.plot .grid { stroke: var(--rule); stroke-width: 1 }
.plot use { fill: var(--fault); opacity: .16 }
.lane { padding: .15rem 0 .25rem .3rem } .lane span { display: block; line-height: 1.2 }
.lane div { position: relative; height: 9px; margin-left: -.3rem; overflow: hidden }
.lane i { position: absolute; top: 0; bottom: 0; min-width: 3px; background: var(--fault); opacity: .8 }
.time { grid-column: 2; position: relative; height: 1.4rem }
.time span { position: absolute; white-space: nowrap; padding-top: .1rem; border-left: 1px solid var(--rule);
  padding-left: .2rem }
.time .last { transform: translateX(-100%); border-left: 0; border-right: 1px solid var(--rule); padding: .1rem .2rem 0 0 }
@media (max-width: 520px) { td + td { width: 38% } figure { grid-template-columns: 2.6rem 1fr } }
`;
