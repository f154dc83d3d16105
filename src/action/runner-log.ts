import * as core from '@actions/core';

/** The step's log: warnings and errors are annotations. */
export const runnerLog = {
  debug: core.debug,
  info: core.info,
  warning: (line: string, title: string) => core.warning(line, { title }),
  error: (line: string, title: string) => core.error(line, { title }),
  group: core.group,
  mask: core.setSecret,
};
