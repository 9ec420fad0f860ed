import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { noBoxes } from '../../../support/boxes.ts';

const program = path.join(import.meta.dirname, 'many-boxes.ts');

describe.skipIf(noBoxes !== undefined)('a process that is killed with 20 boxes live', () => {
  test('leaves no process, mount or folder behind', { timeout: 60_000 }, async () => {
    const word = `sigkill-${process.pid}-${Date.now()}`;
    const mountsBefore = mounts();
    // All of the little that it could leave on the disk it would leave here.
    const folder = mkdtempSync(path.join(tmpdir(), 'sigkill-'));
    const child = spawn(process.execPath, ['--conditions=lachesis-source', program, '20', word], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { TMPDIR: folder },
    });
    try {
      let said = '';
      for await (const bytes of child.stdout) {
        said += String(bytes);
        if (said.includes('\n')) break;
      }
      expect(said).toBe('20 ready\n');
      const live = tree(child.pid!);
      // Of each box bwrap itself, its two first processes, a command and a daemon; and the box of the pipes.
      expect(live.length).toBeGreaterThan(20 * 5);
      expect(withWord(word)).toHaveLength(40);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await expect.poll(() => live.filter(isRunning), { timeout: 10_000 }).toEqual([]);
      expect(withWord(word)).toEqual([]);
    } finally {
      child.kill('SIGKILL');
    }
    expect(mounts()).toEqual(mountsBefore);
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});

/** Those of boxes that are seen from here, which none should be at any time. */
function mounts(): readonly string[] {
  const all = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return all.filter((line) => /newroot|oldroot|workspace/.test(line));
}

function pids(): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
}

function stat(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** One that nobody waits for stays a zombie where the system's first process reaps none; it runs no more. */
function isRunning(pid: number): boolean {
  return !['Z', 'X', undefined].includes(stat(pid)[0]);
}

function tree(root: number): readonly number[] {
  const parents = new Map(pids().map((pid) => [pid, Number(stat(pid)[1])]));
  const found = new Set([root]);
  for (let grown = true; grown; ) {
    const size = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
    grown = found.size > size;
  }
  found.delete(root);
  return [...found];
}

function withWord(word: string): readonly number[] {
  return pids().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(word);
    } catch {
      return false;
    }
  });
}
