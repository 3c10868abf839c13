// The CDK command line, loaded once for all commands that a test process gives it: `warm_cdk.py` starts it.
//
//     node warm_cdk.js LIBRARY        a command a line of standard input, as JSON: its words, folder and variables;
//                                     descriptor 3 gets a byte when it has ended, its exit code
"use strict";
const fs = require("node:fs");
const readline = require("node:readline");

// The CDK looks at a change set or a stack every five seconds; those of the local cloud are ready much earlier.
const POLL = 5000;
const later = globalThis.setTimeout;
globalThis.setTimeout = Object.assign((call, delay, ...rest) => later(call, delay === POLL ? 100 : delay, ...rest), later);

process.setMaxListeners(0); // each command adds its own
const { exec } = require(process.argv[2]);

async function run({ words, folder, variables }) {
  process.chdir(folder);
  for (const name of Object.keys(process.env)) {
    if (!(name in variables)) delete process.env[name];
  }
  Object.assign(process.env, variables);
  process.exitCode = undefined;
  try {
    return (await exec(words)) ?? process.exitCode ?? 0;
  } catch (error) {
    console.error(error.message ?? String(error));
    for (let one = error.cause; one; one = one.cause) console.error(`\u2023 ${one.name}: ${one.message}`);
    return 1;
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    fs.writeSync(3, Buffer.from([await run(JSON.parse(line))]));
  }
  process.exit(0); // connections are kept open for a next command
})();
