// SPDX-License-Identifier: GPL-3.0-or-later
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool, type PoolConfig, type QueryConfig } from 'pg';
import { logger } from './log';

/** A pool whose lost idle connections are logged instead of ending the process. */
export function createPool(config: PoolConfig, name: string): Pool {
  const pool = new Pool({ ...config, application_name: name });
  pool.on('error', (error) => logger('TypeOrmModule').error(`Idle connection lost: ${error.message}`));
  return pool;
}

/** Resolves when the database answers; rejects with its last word after the given number of tries. */
export async function waitForDatabase(pool: Pool, tries: number, pauseMs: number): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await ping(pool, 5000);
      return;
    } catch (error) {
      if (attempt >= tries) throw error;
      const { stack } = error as Error;
      logger('TypeOrmModule').error(`Unable to connect to the database. Retrying (${attempt})...`, stack);
      await sleep(pauseMs);
    }
  }
}

/** Rejects when the database does not answer a trivial query in time; reads no table, so an empty schema is fine. */
export async function ping(pool: Pool, timeoutMs: number): Promise<void> {
  // query_timeout is understood per query by pg, but absent from its types.
  const query: QueryConfig & { query_timeout: number } = { text: 'SELECT 1', query_timeout: timeoutMs };
  await pool.query(query);
}
