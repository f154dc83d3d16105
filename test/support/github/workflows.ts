import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..', '..', '..');

/** The parts of a step that tests look at. */
export interface WorkflowStep {
  readonly id?: string;
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly parallel?: readonly WorkflowStep[];
}

/** The parts of a job that tests look at. */
export interface WorkflowJob {
  readonly permissions?: unknown;
  readonly 'timeout-minutes'?: number;
  readonly uses?: string;
  readonly needs?: readonly string[];
  readonly steps?: readonly WorkflowStep[];
}

/** A workflow of the repository, or an example in one of its documents. */
export interface WorkflowText {
  /** The file, and the number of the example in it. */
  readonly name: string;
  readonly text: string;
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function filesIn(directory: string, end: string): readonly string[] {
  return readdirSync(join(root, directory))
    .filter((name) => name.endsWith(end))
    .map((name) => `${directory}/${name}`);
}

/** GitHub's workflows of this repository. */
export function workflows(): readonly WorkflowText[] {
  return filesIn('.github/workflows', '.yml').map((name) => ({ name, text: read(name) }));
}

/** Workflows that users are to copy: files of examples/, and what the documents show, completed to a whole workflow. */
export function exampleWorkflows(): readonly WorkflowText[] {
  const files = filesIn('examples', '.yml').filter((name) => /^jobs:/m.test(read(name)) && read(name).includes('runs-on:'));
  const documents = ['README.md', ...filesIn('docs', '.md')];
  return [...files.map((name) => ({ name, text: read(name) })), ...documents.flatMap((name) => workflowsIn(name))];
}

/** The workflows that a document shows. */
export function workflowsIn(document: string): readonly WorkflowText[] {
  const blocks = [...read(document).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  return blocks.flatMap((block, index) => {
    const text = wholeWorkflow(block);
    return text === undefined ? [] : [{ name: `${document}, YAML ${index + 1}`, text }];
  });
}

/** Adds what an example leaves out; undefined for what is no part of a workflow. */
function wholeWorkflow(block: string): string | undefined {
  if (/^on:/m.test(block)) return block;
  if (/^jobs:/m.test(block)) return `on: push\n${block}`;
  if (/^(permissions|concurrency|env):/.test(block))
    return `on: push\n${block}\njobs: { a: { runs-on: x, steps: [{ run: y }] } }\n`;
  if (!/^- (uses|run|name|id|parallel):/m.test(block)) return undefined;
  return `on: push\njobs:\n  example:\n    runs-on: ubuntu-24.04\n    steps:\n${block.replace(/^(?=.)/gm, '      ')}`;
}

/** What GitHub's own parser says against a workflow. */
export async function problemsOf({ name, text }: WorkflowText): Promise<readonly string[]> {
  const { context, value } = parseWorkflow({ name, content: text }, new NoOperationTraceWriter());
  if (value) await convertWorkflowTemplate(context, value);
  return context.errors.getErrors().map((error) => error.message);
}

export function jobsOf({ text }: WorkflowText): Readonly<Record<string, WorkflowJob>> {
  return parse(text).jobs;
}

/** All steps of a workflow, those in parallel, too. */
export function stepsOf(workflow: WorkflowText): readonly WorkflowStep[] {
  const steps = Object.values(jobsOf(workflow)).flatMap((job) => job.steps ?? []);
  return steps.flatMap((step) => step.parallel ?? [step]);
}
