/**
 * Renders the job summary as GitHub does, as pictures in the light and the dark theme, wide and narrow: its flavour
 * of Markdown, its style sheets, and Mermaid's diagrams, in headless Chromium. `npm run render --
 * DIRECTORY [SCENARIO…]`; without arguments, all scenarios of the golden tests into tmp/.
 * docs/pictures/ has two of the wide ones in both themes, made small by `pngquant --strip 64`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import puppeteer, { type Browser } from 'puppeteer-core';
import { summaryOf } from '../src/report/summary/summary';
import { type ScenarioName, scenarioNames, scenarios } from '../test/support/report/scenarios';

const require = createRequire(import.meta.url);

/** CSS pixels: what GitHub gives a summary on a desk, and on a phone. */
const WIDTHS = { '': 1012, '-narrow': 390 } as const;
type Size = keyof typeof WIDTHS;

/** The rest of a huge summary looks the same. */
const MAX_HEIGHT = 2_400;

const [directory = 'tmp', ...wanted] = process.argv.slice(2);

function chosen(): readonly ScenarioName[] {
  const unknown = wanted.filter((name) => !scenarioNames.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}: there are ${scenarioNames.join(', ')}`);
  return wanted.length === 0 ? scenarioNames : scenarioNames.filter((name) => wanted.includes(name));
}

/** GitHub's style sheet and Mermaid's theme for it. */
const themes = { light: 'default', dark: 'dark' } as const;
type Theme = keyof typeof themes;

/** Replaces each code block by its diagram, as GitHub does. */
const drawing = (theme: Theme) => `
  mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', theme: '${themes[theme]}' });
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

interface Look {
  readonly theme: Theme;
  readonly size: Size;
}

const looks: readonly Look[] = (['light', 'dark'] as const).flatMap((theme) =>
  (['', '-narrow'] as const).map((size) => ({ theme, size })),
);

async function picture(browser: Browser, name: ScenarioName, { theme, size }: Look, mermaid: string): Promise<void> {
  const width = WIDTHS[size];
  const styles = await readFile(require.resolve(`github-markdown-css/github-markdown-${theme}.css`), 'utf8');
  const reportPath = '/home/runner/work/_temp/cleanup-action/report.json';
  const markdown = summaryOf(scenarios[name](), { reportPath });
  await writeFile(join(directory, `${name}.md`), markdown);
  const tab = await browser.newPage();
  await tab.setViewport({ width, height: 100 });
  await tab.setContent(await page(markdown, styles));
  await tab.addScriptTag({ content: mermaid });
  await tab.evaluate(`(async () => {${drawing(theme)}})()`);
  const height = Math.min(MAX_HEIGHT, (await tab.evaluate('document.documentElement.scrollHeight')) as number);
  const file = `${name}${theme === 'light' ? '' : `-${theme}`}${size}.png` as const;
  await tab.screenshot({ path: join(directory, file) as `${string}.png`, clip: { x: 0, y: 0, width, height } });
  await tab.close();
  console.log(`${file}: ${(Buffer.byteLength(markdown) / 1024).toFixed(1)} KiB of Markdown, ${height} pixels high`);
}

const mermaid = await readFile(require.resolve('mermaid/dist/mermaid.min.js'), 'utf8');
await mkdir(directory, { recursive: true });
const browser = await puppeteer.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  for (const name of chosen()) {
    for (const look of looks) await picture(browser, name, look, mermaid);
  }
} finally {
  await browser.close();
}
