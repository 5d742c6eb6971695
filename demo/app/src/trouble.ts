// SPDX-License-Identifier: GPL-3.0-or-later
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Reply, Request, Route } from './http';
import { flushLogs, logger } from './log';
import type { Window } from './throttle';

const LONGEST_MS = 30_000;

/** Endpoints that are slow or fail on purpose, so that operators' tools have something to find. */
export function troubleRoutes(pool: Pool, limits: readonly Window[]): Route[] {
  const slow = async (request: Request): Promise<Reply> => {
    const asked = Number(request.query.get('ms') ?? '1500');
    const ms = Math.min(Math.max(Number.isFinite(asked) ? asked : 0, 0), LONGEST_MS);
    if (request.query.get('where') === 'database') await pool.query('SELECT pg_sleep($1)', [ms / 1000]);
    else await sleep(ms);
    return { status: 200, body: { slept_ms: ms } };
  };
  const fail = async (): Promise<Reply> => {
    throw new Error('Cannot read properties of undefined (reading \'machine\')');
  };
  return [
    { method: 'GET', path: '/api/v1/slow', limits, handle: slow },
    { method: 'GET', path: '/api/v1/fail', limits, handle: fail },
  ];
}

/** Ends the process by an uncaught error after this time; 0 means never. */
export function crashAfter(ms: number): void {
  if (ms === 0) return;
  setTimeout(() => {
    throw new Error(`Crashed on purpose after ${ms} ms`);
  }, ms).unref();
}

/** An error or rejection that nobody catches is logged as the framework does, and ends the process with code 1. */
export function logUncaughtErrors(): void {
  process.on('uncaughtException', (error) => {
    logger('ExceptionHandler').error(error.message, error.stack);
    void flushLogs().then(() => process.exit(1));
  });
}
