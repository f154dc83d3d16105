import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';

/** Markdown as GitHub makes HTML of it, before it takes out what it does not allow: what got in would be seen. */
export function rendered(markdown: string): string {
  return micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: true });
}

/** All tags, in their order and with their attributes: what is not text. */
export function tags(html: string): readonly string[] {
  return html.match(/<[!/?a-z][^>]*>/gi) ?? [];
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&' };

/** What a reader reads, in one line. */
export function texts(html: string): string {
  return html
    .replace(/<[!/?a-z][^>]*>/gi, ' ')
    .replace(/&(?:#(\d+)|([a-z]+));/g, (_, code, name) => (code ? String.fromCodePoint(Number(code)) : (ENTITIES[name] ?? '?')))
    .replace(/\s+/g, ' ')
    .replace(/ ([,:])/g, '$1')
    .trim();
}
