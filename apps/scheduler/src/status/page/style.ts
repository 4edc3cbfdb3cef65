import { Html } from './html.ts';

/** The style of the status page. It stands in the page, which loads nothing. */
export const STATUS_STYLE = new Html(`<style>
:root { color-scheme: light dark; --page: #f6f7f8; --card: #fff; --line: #dde1e5; --text: #1c2126; --muted: #5b646d;
  --good: #17784a; --good-soft: #e3f3ea; --bad: #b3261e; --bad-soft: #fbe6e4; --wait: #855600; --wait-soft: #fbf0d9; --bar: #8fa3b5; --link: #1a5fa8; }
@media (prefers-color-scheme: dark) { :root { --page: #111417; --card: #1a1e22; --line: #31373d; --text: #e7eaed; --muted: #9aa4ad;
  --good: #56c793; --good-soft: #163325; --bad: #ff8a80; --bad-soft: #41201e; --wait: #e8b84a; --wait-soft: #392d10; --bar: #64788b; --link: #86b7f0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
.wrap { max-width: 64rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
a { color: var(--link); }
header.site { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1.25rem; color: var(--muted); }
header.site strong { color: var(--text); font-size: 1.05rem; }
header.site nav { margin-left: auto; display: flex; gap: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.5rem 0 .25rem; font-weight: 650; text-wrap: balance; }
h2 { font-size: 1.1rem; margin: 2rem 0 .75rem; font-weight: 650; }
h1 .yes, .stage .yes { color: var(--good); } h1 .no, .stage .no { color: var(--bad); } h1 .not-yet, .stage .not-yet, td .not-yet { color: var(--wait); }
.muted { color: var(--muted); }
.said { margin: 1rem 0 0; padding: .6rem .9rem; border-radius: .5rem; background: var(--good-soft); }
.said.no { background: var(--bad-soft); }
.notices { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
.notices li { background: var(--card); border: 1px solid var(--line); border-left: .25rem solid var(--wait); border-radius: .5rem; padding: .6rem .9rem; overflow-wrap: anywhere; }
.notices li.no { border-left-color: var(--bad); }
.notices p { margin: 0; } .notices p + p { margin-top: .2rem; }
.database, .lines { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; margin: 0 0 .75rem; }
.database > header { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .75rem; padding: .75rem 1rem; }
.lines { list-style: none; padding: 0; } .lines li { display: flex; flex-wrap: wrap; align-items: center; gap: .1rem .75rem; padding: .4rem 1rem; overflow-wrap: anywhere; }
.lines li + li { border-top: 1px solid var(--line); } .lines p { margin: 0; flex-basis: 100%; font-size: .9rem; } .pages { display: flex; gap: 1rem; }
.database h1, .database h3 { margin: 0; font-size: 1.1rem; font-weight: 650; overflow-wrap: anywhere; }
.age { color: var(--muted); margin-left: auto; font-size: .9rem; }
.badge { font-size: .85rem; font-weight: 600; padding: .1rem .6rem; border-radius: 1rem; white-space: nowrap; }
.badge.yes { color: var(--good); background: var(--good-soft); } .badge.no { color: var(--bad); background: var(--bad-soft); }
.badge.not-yet { color: var(--wait); background: var(--wait-soft); }
.inside { padding: .25rem 1rem 1rem; }
.why { margin: 0 0 .9rem; padding-left: 1.1rem; overflow-wrap: anywhere; }
.columns { display: grid; gap: 1rem 2rem; }
@media (min-width: 48rem) { .columns { grid-template-columns: minmax(0, 1fr) minmax(0, 1.25fr); align-items: start; } }
dl { display: grid; grid-template-columns: auto 1fr; gap: .35rem 1rem; margin: 0; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
.timeline { display: block; width: 100%; height: auto; max-width: 32rem; }
.timeline text { font: 12px system-ui, sans-serif; fill: var(--muted); }
/* The picture is scaled down there, and its text with it. */
@media (max-width: 30rem) { .timeline text { font-size: 15px; } }
.timeline .bar, .timeline .took { fill: var(--bar); } .timeline .took { opacity: .7; } .timeline .bar.bad { fill: var(--bad); } .timeline .bar.suspect { fill: var(--wait); }
.timeline .axis { stroke: var(--line); } .timeline .good { fill: var(--good); } .timeline .none { fill: var(--muted); }
.timeline .cross { stroke: var(--bad); stroke-width: 2.2; } .timeline .unknown { fill: none; stroke: var(--wait); stroke-width: 1.8; }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-top: 1rem; }
button { font: inherit; padding: .4rem .9rem; border: 1px solid var(--line); border-radius: .45rem; background: var(--page); color: var(--text); cursor: pointer; }
button:hover { border-color: var(--muted); } button:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
th { color: var(--muted); font-weight: 500; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem 1rem; }
.card p { margin: .6rem 0 0; }
footer { margin-top: 2rem; color: var(--muted); font-size: .9rem; }
</style>`);
