/** First words of the command lines with which the program starts itself. Not for users. */
export const watchdogWord = '__watchdog';
export const inPlaceWord = '__in-place-of-run';
