import { getProxyForUrl } from 'proxy-from-env';
import { Agent, ProxyAgent } from 'undici';
import type { AskGithub } from './github-runs';

/** Characters of an answer. An answer about a run has some 20,000. */
const MAX_TEXT = 1_000_000;

/**
 * GitHub's API, over undici (see `DaytonaClient`). Follows no redirects.
 * @param url without a final slash: `https://api.github.com`
 * @param token sent only to that address
 */
export function githubClient(url: string, token: string): AskGithub {
  const { origin, pathname } = new URL(url);
  const proxy = getProxyForUrl(url);
  const agent = proxy === '' ? new Agent() : new ProxyAgent(proxy);
  const headers = {
    accept: 'application/vnd.github+json',
    authorization: `Bearer ${token}`,
    'user-agent': 'cleanup-action',
    'x-github-api-version': '2022-11-28',
  };
  return async (path, signal) => {
    const request = { origin, path: `${pathname.replace(/\/$/, '')}${path}`, method: 'GET', headers, signal } as const;
    const { statusCode: status, headers: answered, body } = await agent.request(request);
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > MAX_TEXT) return { status, header: () => null, text: '' };
    }
    const header = (name: string) => (answered[name] === undefined ? null : String(answered[name]));
    return { status, header, text };
  };
}
