import prettyMilliseconds from 'pretty-ms';

/** `3h`, `2d`: an approximate age. */
export function ageWords(ms: number | undefined): string {
  if (ms === undefined) return '-';
  return ms < 1000 ? '0s' : prettyMilliseconds(ms, { compact: true });
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1.2GB`, in powers of 1000 like the docker command; `-` when unknown. */
export function sizeWords(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const number = bytes / 1000 ** power;
  return `${power === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)}${UNITS[power]}`;
}
