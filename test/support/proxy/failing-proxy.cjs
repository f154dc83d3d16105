// The built proxy, which is at the path beside it, and fails at SIGUSR2 as no proxy should.
const { readFileSync } = require('node:fs');

process.on('SIGUSR2', () => {
  throw new Error('a fault of the test');
});
require(readFileSync(`${__filename}.path`, 'utf8'));
