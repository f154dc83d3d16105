import { proxyProcess } from './proxy/process';

void proxyProcess(process.argv.slice(2), { dials: {}, isAlive: () => true });
