import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** A run fails that needs more of them: then it is not the machine. */
const MOST = 3;

/** Tells at the end of a run which tests passed at their second try only, with what failed at first. Vitest loads it by its path. */
export default class SecondTries implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]).filter((test) => test.diagnostic()?.flaky);
    if (tests.length === 0) return;
    console.log(`\nPassed at the second try only, of which ${MOST} are borne:\n${tests.map(described).join('\n')}`);
    if (tests.length > MOST) process.exitCode = 1;
  }
}

function described(test: TestCase): string {
  const [error] = test.result().errors ?? [];
  const [place] = error?.stacks ?? [];
  const at = place ? `${relative(process.cwd(), place.file)}:${place.line}` : '';
  return [` ${test.project.name}  ${test.module.relativeModuleId} > ${test.fullName}`, error?.message, at].join('\n   ');
}
