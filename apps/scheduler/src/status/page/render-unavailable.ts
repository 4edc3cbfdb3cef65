import { html } from './html.ts';
import { renderDocument } from './render-document.ts';

/** Renders the page while Redis does not answer. */
export function renderUnavailable(site: string, publicPath: string, reason: string): string {
  return renderDocument({
    title: 'Not known',
    head: html`<meta http-equiv="refresh" content="10; url=./" />`,
    site,
    publicPath,
    main: html`<h1><span class="no" aria-hidden="true">✗</span> Whether your backups are good is not known</h1>
      <p>The scheduler cannot say anything without Redis: ${reason}.</p>
      <p class="muted">
        Start Redis. No backup is lost with it: the backup folder and the store are the truth, and the workers publish
        what is there once Redis is back.
      </p>`,
  });
}
