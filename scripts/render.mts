/**
 * Shows the job summary as GitHub does: renders Markdown with GitHub's flavour and style sheet, and Mermaid's diagrams, in headless
 * Chromium, into pictures. `npm run render -- DIRECTORY [SCENARIO…]`; without arguments, all scenarios of the golden tests into tmp/.
 * docs/pictures/ has two of them, made small by `pngquant --strip 64`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import puppeteer, { type Browser } from 'puppeteer-core';
import { summaryOf } from '../src/report/summary/summary';
import { type ScenarioName, scenarioNames, scenarios } from '../test/unit/report/scenarios';

const require = createRequire(import.meta.url);

/** CSS pixels: as wide as GitHub shows a summary. */
const WIDTH = 1012;
/** More of a huge summary tells nothing new. */
const MOST_HEIGHT = 2_400;

const [directory = 'tmp', ...wanted] = process.argv.slice(2);

function chosen(): readonly ScenarioName[] {
  const unknown = wanted.filter((name) => !scenarioNames.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}: there are ${scenarioNames.join(', ')}`);
  return wanted.length === 0 ? scenarioNames : scenarioNames.filter((name) => wanted.includes(name));
}

/** GitHub replaces the code block by the diagram, and so does this. */
const DRAW = `
  mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' });
  for (const [index, code] of [...document.querySelectorAll('code.language-mermaid')].entries()) {
    const { svg } = await mermaid.render('diagram' + index, code.textContent);
    const figure = document.createElement('div');
    figure.innerHTML = svg;
    code.parentElement.replaceWith(figure);
  }
  await document.fonts.ready;
`;

async function page(markdown: string, styles: string): Promise<string> {
  const body = micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: true });
  return `<!doctype html><meta charset="utf-8"><style>${styles}</style><body class="markdown-body" style="padding: 24px">${body}`;
}

async function picture(browser: Browser, name: ScenarioName, styles: string, mermaid: string): Promise<void> {
  const reportPath = '/home/runner/work/_temp/cleanup-action/report.json';
  const markdown = summaryOf(scenarios[name](), { reportPath });
  await writeFile(join(directory, `${name}.md`), markdown);
  const tab = await browser.newPage();
  await tab.setViewport({ width: WIDTH, height: 100 });
  await tab.setContent(await page(markdown, styles));
  await tab.addScriptTag({ content: mermaid });
  await tab.evaluate(`(async () => {${DRAW}})()`);
  const height = Math.min(MOST_HEIGHT, (await tab.evaluate('document.documentElement.scrollHeight')) as number);
  await tab.screenshot({ path: join(directory, `${name}.png`) as `${string}.png`, clip: { x: 0, y: 0, width: WIDTH, height } });
  await tab.close();
  console.log(`${name}: ${(Buffer.byteLength(markdown) / 1024).toFixed(1)} KiB of Markdown, ${height} pixels high`);
}

const styles = await readFile(require.resolve('github-markdown-css/github-markdown-light.css'), 'utf8');
const mermaid = await readFile(require.resolve('mermaid/dist/mermaid.min.js'), 'utf8');
await mkdir(directory, { recursive: true });
const browser = await puppeteer.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  for (const name of chosen()) await picture(browser, name, styles, mermaid);
} finally {
  await browser.close();
}
