import type { TestProject } from 'vitest/node';
import { provideEngines } from './engine-setup';

/** Before the tests of a project: Podman's services. */
export default function setup(project: TestProject): Promise<() => Promise<void>> {
  return provideEngines(project, 'podman-4.3');
}
