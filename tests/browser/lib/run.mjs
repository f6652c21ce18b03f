// Runs the files of tests/browser one after the other. At the end it prints each reason of a skipped point once, and
// the totals.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chosenEngines } from './engines.mjs';

const folder = fileURLToPath(new URL('..', import.meta.url));
const skipped = new Set();
let passed = 0, failed = 0;

try {
    chosenEngines();
} catch (error) {
    console.error(`browser: ${error.message}`);
    process.exit(2);
}

for (const name of readdirSync(folder).filter(name => name.endsWith('.mjs')).sort()) {
    console.log(`# tests/browser/${name}`);
    const test = spawn(process.execPath, [folder + name], { stdio: ['ignore', 'pipe', 'inherit'] });
    const end = once(test, 'close'), before = failed;
    for await (const line of createInterface({ input: test.stdout })) {
        const [, not, point, reason] = line.match(/^(not )?ok \d+ - (.*?)(?: # SKIP (.*))?$/) || [];
        if (reason) {
            skipped.add(`skipped: ${point}: ${reason}`);
            continue;
        }
        if (point && not) failed++;
        else if (point) passed++;
        console.log(line);
    }
    const [status, signal] = await end;
    if (status === 0 || failed > before) continue;
    console.log(`not ok - ${name} ended with ${signal || `status ${status}`}`);
    failed++;
}
for (const line of [...skipped].sort()) console.log(line);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
