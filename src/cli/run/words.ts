/** First words of the command line with which it starts itself. They are nobody else's to use. */
export const watchdogWord = '__watchdog';
export const inPlaceWord = '__in-place-of-run';
