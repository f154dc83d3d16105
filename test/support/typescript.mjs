/**
 * Preloaded, it lets Node itself run the TypeScript of src/: Node strips the types, and only has to be told that an import without an
 * extension is one of a `.ts`. Unlike tsx it leaves standard error alone, which tests of what a benchmark shares with its parent need.
 */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    const isOurs = /^\.{1,2}\//.test(specifier) && !/\.\w+$/.test(specifier) && !context.parentURL?.includes('/node_modules/');
    return next(isOurs ? `${specifier}.ts` : specifier, context);
  },
});
