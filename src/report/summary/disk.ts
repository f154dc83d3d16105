import { htmlProse } from '../escape';
import { diskLine } from '../lines';
import type { Report } from '../model';
import { isEventful } from '../verdict';
import type { Section } from './fit';

/** What went for disk space before the benchmark, and goals that were not reached. */
export function diskSection({ phases: { pre } }: Report): Section {
  return {
    title: 'the disk space',
    priority: 2,
    render() {
      const lines = (pre?.disk ?? []).filter(isEventful).map((disk) => `<li>${htmlProse(diskLine(disk))}</li>`);
      return lines.length === 0 ? '' : ['<p>Disk space before the benchmark:</p>', '<ul>', ...lines, '</ul>'].join('\n');
    },
  };
}
