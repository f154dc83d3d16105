import { labels } from '../../../src/core/labels';

/** The label of what is a session's. */
export function ofSession(session: string): Readonly<Record<string, string>> {
  return { [labels.session]: session };
}
