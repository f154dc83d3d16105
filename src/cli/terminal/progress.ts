import { systemClock } from '../../lib/clock';
import { Progress } from '../../report/terminal/progress';
import type { Output } from './output';
import type { ProgressCounter } from './progress-counter';

/** To the line's start, and all of it erased. https://ecma-international.org/publications-and-standards/standards/ecma-48/ */
const ERASE_LINE = '\r\u001b[2K';

/** Shows on a terminal how far the work has come. Elsewhere its lines say so. */
export async function withProgress<T>(output: Output, what: string, tally: ProgressCounter, work: () => Promise<T>): Promise<T> {
  if (!output.isLive) return work();
  const write = (text: string) => output.paint(text);
  const progress = new Progress({ what, write, live: true, columns: output.errorColumns, clock: systemClock });
  tally.onChange = () => progress.update(tally.settled, tally.found);
  output.painting(() => write(ERASE_LINE));
  try {
    return await work();
  } finally {
    tally.onChange = () => undefined;
    progress.end();
    output.painting(undefined);
  }
}
