import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { html, type Html } from './html.ts';

/** Renders a time as its age; the element's title holds the time itself. */
export function renderAge(time: string, now: Date): Html {
  const ms = now.getTime() - Date.parse(time);
  const text = ms < -1000 ? `in ${describeDuration(-ms)}` : ms < 1000 ? 'now' : `${describeDuration(ms)} ago`;
  return html`<time datetime="${time}" title="${time.slice(0, 19).replace('T', ' ')} UTC">${text}</time>`;
}
