/** What only jobs with a cluster load: the other programs find it beside them. */
export { KubeConfig } from '@kubernetes/client-node/dist/config.js';
export { parse, parseAllDocuments } from 'yaml';
