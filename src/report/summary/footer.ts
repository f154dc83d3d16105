import { htmlCode } from '../escape';
import type { ProviderReport, Report } from '../model';
import type { Section } from './fit';

/** The providers, versions, session, and the report's path. */
export function footerSection({ session, versions, phases: { pre, post } }: Report, reportPath: string | undefined): Section {
  return {
    title: 'the providers and versions',
    priority: 5,
    render(maxItems) {
      const providers = (post ?? pre)?.providers ?? [];
      const lines = [
        ...providers.slice(0, maxItems).map(providerText),
        [
          `cleanup-action${versions ? ` ${htmlCode(versions.action)} on Node ${htmlCode(versions.node)}` : ''}`,
          ...(session === null ? [] : [`session ${htmlCode(session)}`]),
          ...(reportPath === undefined ? [] : [`report ${htmlCode(reportPath)}`]),
        ].join(' · '),
      ];
      return `<p><sub>${lines.join('<br>\n')}</sub></p>`;
    },
  };
}

function providerText({ name, status, reason }: ProviderReport): string {
  return `${htmlCode(name)} ${status}: ${htmlCode(reason)}`;
}
