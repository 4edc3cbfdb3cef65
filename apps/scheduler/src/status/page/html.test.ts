import { expect, test } from 'vitest';
import { html } from './html.ts';

test('what is put in is text, unless it is HTML already', () => {
  const name = `<b title='x'>"a" & b</b>`;
  const inner = html`<i>${name}</i>`;
  expect(inner.text).toBe('<i>&lt;b title=&#39;x&#39;&gt;&quot;a&quot; &amp; b&lt;/b&gt;</i>');
  expect(html`<p class="${name}">${inner}${[inner, name, 3]}${undefined}</p>`.text).toBe(
    `<p class="&lt;b title=&#39;x&#39;&gt;&quot;a&quot; &amp; b&lt;/b&gt;">${inner.text}${inner.text}&lt;b title=&#39;x&#39;&gt;&quot;a&quot; &amp; b&lt;/b&gt;3</p>`,
  );
});

test('no character turns the text around or hides in it', () => {
  expect(html`${'a\u202Eb\u2066c\0d\re\nf\uD800'}`.text).toBe('a\\u202eb\\u2066c\\u0000d\\u000de\nf\uFFFD');
});
