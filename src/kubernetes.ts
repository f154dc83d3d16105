/** Libraries that only jobs with a cluster need: a bundle of its own, which the others load. */
export { KubeConfig } from '@kubernetes/client-node/dist/config.js';
export { parse, parseAllDocuments } from 'yaml';
