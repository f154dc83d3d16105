/** The part of the proxy that renews sandboxes: loaded where it is needed, because it is large. */
export { renewSession } from './phases/renewal';
