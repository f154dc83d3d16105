#!/usr/bin/env node
import { inPlaceWord, watchdogWord } from './cli/run/own-words';
import { exitSoon } from './lib/exit';
import { takeLittleMemory } from './lib/memory';

takeLittleMemory();
void begin(process.argv);

/** Loads only what is needed: a watchdog that waits is to be small. */
async function begin(argv: readonly string[]): Promise<void> {
  switch (argv[2]) {
    case watchdogWord: {
      const { proxyProcess } = await import(/* webpackMode: "eager" */ './proxy/process');
      return proxyProcess(argv, { dials: {} }, 3);
    }
    case inPlaceWord: {
      const { runInPlace } = await import(/* webpackMode: "eager" */ './cli/run/in-place');
      await runInPlace(argv[3] ?? '', process.env);
      return exitSoon();
    }
    default: {
      const { start } = await import(/* webpackMode: "eager" */ './cli/start');
      return start(argv, process.env);
    }
  }
}
