/** What only jobs with a key or a token load: the other programs find it beside them, as the package `undici`. */
export { Agent, ProxyAgent } from 'undici';
