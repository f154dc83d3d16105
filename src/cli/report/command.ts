import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { asError } from '../../lib/errors';
import type { Report } from '../../report/model';
import { summaryOf } from '../../report/summary/summary';
import { terminalOf } from '../../report/terminal/terminal';
import { UsageError } from '../exit';
import { addOutputOptions, type OutputOptions, outputOf } from '../options/output-options';
import { MAX_SHOWN } from '../terminal/output';

/** As commander reads the options of `report`. */
interface ReportOptions extends OutputOptions {
  readonly markdown?: boolean;
}

const EXAMPLES = `
Examples:
  cleanup-action report report.json
  cleanup-action report --markdown report.json > summary.md   like the job summary
  curl --silent "$ARTIFACT" | cleanup-action report -
`;

export function addReportCommand(program: Command, env: NodeJS.ProcessEnv): void {
  const command = program
    .command('report')
    .description('Show a JSON report as a summary')
    .argument('<file>', 'the report; - reads it from standard input')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: ReportOptions) => show(file, options, env));
  command.option('--markdown', 'print Markdown for GitHub');
  addOutputOptions(command);
}

/** @throws {UsageError} when the file is not a report */
async function show(file: string, options: ReportOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const output = outputOf(options, env);
  const report = reportIn(await contentOf(file), nameOf(file));
  try {
    const color = output.hasColor('stdout');
    output.result(
      options.markdown ? summaryOf(report) : terminalOf(report, { color, maxItems: MAX_SHOWN, columns: output.columns }),
    );
  } catch (error) {
    throw new UsageError(`${nameOf(file)} is not what schemas/report.schema.json describes`, { cause: error });
  }
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

async function contentOf(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${nameOf(file)} can’t be read: ${asError(error).message}`, { cause: error });
  }
}

/** The version that this program writes and reads. */
const VERSION: Report['schemaVersion'] = 1;

function reportIn(content: string, name: string): Report {
  const found = parsed(content, name);
  if (typeof found !== 'object' || found === null || !('schemaVersion' in found)) {
    throw new UsageError(`${name} is not a report: it has no schemaVersion`);
  }
  if (found.schemaVersion !== VERSION) {
    throw new UsageError(`${name} has schemaVersion ${JSON.stringify(found.schemaVersion)}; this version reads ${VERSION}`);
  }
  const { phases, deaths } = found as Partial<Report>;
  if (typeof phases !== 'object' || phases === null || !Array.isArray(deaths)) {
    throw new UsageError(`${name} is not what schemas/report.schema.json describes`);
  }
  return found as Report;
}

function parsed(content: string, name: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new UsageError(`${name} is not a report: it is not JSON`, { cause: error });
  }
}
