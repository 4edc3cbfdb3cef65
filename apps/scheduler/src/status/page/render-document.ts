import { BOARD_PATH } from '../../web/board-path.ts';
import { html, type Html } from './html.ts';
import { STATUS_STYLE } from './style.ts';

/** Renders the frame of every page: head, style and heading. */
export function renderDocument({
  title,
  head,
  site,
  publicPath,
  main,
}: {
  title: string;
  head: Html | undefined;
  site: string;
  publicPath: string;
  main: Html;
}): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · pgstow</title>
        ${
          // The page's links are relative. Under a path they fit with or without a slash at its end.
          publicPath === '' ? undefined : html`<base href="${publicPath}/" />`
        }${head}${STATUS_STYLE}
      </head>
      <body>
        <div class="wrap">
          <header class="site">
            <strong>pgstow</strong>${site === 'default' ? undefined : html`<span>${site}</span>`}
            <nav aria-label="Pages"><a href=".${BOARD_PATH}">Job queues</a></nav>
          </header>
          <main>${main}</main>
        </div>
      </body>
    </html> `.text;
}
