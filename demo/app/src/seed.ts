// SPDX-License-Identifier: GPL-3.0-or-later
import { randomUUID } from 'node:crypto';
import type Redis from 'ioredis';
import type { Pool } from 'pg';
import { databaseConfig, loadEnvFile, redisUrl, required, whole } from './config';
import { createPool } from './database';
import { createRedis, QUEUES } from './redis';
import { hashPassword } from './tokens';

const WEEK_SECONDS = 7 * 24 * 3600;
const BATCH = 1000;

/** One user and three machines; a second run renews them and unlocks the user. */
async function seedDatabase(pool: Pool, email: string, password: string): Promise<Record<string, string>> {
  const user = await pool.query<{ id: string }>(
    `INSERT INTO users (email, password_hash) VALUES ($1, $2)
     ON CONFLICT (email) DO UPDATE SET password_hash = excluded.password_hash, failed_logins = 0, locked_until = NULL
     RETURNING id`, [email, await hashPassword(password)]);
  const machines = await pool.query<{ id: string }>(
    `INSERT INTO machines (number, status) VALUES ('VM-001', 'active'), ('VM-002', 'active'), ('VM-003', 'offline')
     ON CONFLICT (number) DO UPDATE SET status = excluded.status RETURNING id`);
  return { user_id: user.rows[0]?.id ?? '', machine_id: machines.rows[0]?.id ?? '' };
}

/** Keys of every kind that the backend keeps: queues, revoked tokens, carts, bot sessions, cache. */
async function seedRedis(redis: Redis, cacheKeys: number): Promise<void> {
  for (const queue of QUEUES) {
    if (await redis.exists(`bull:${queue}:id`)) continue;
    const due = Date.now() + 3600 * 1000;
    const jobs = redis.multi().set(`bull:${queue}:id`, 2).zadd(`bull:${queue}:repeat`, due, '__default__::::0 3 * * *');
    for (const id of [1, 2]) {
      const job = { name: '__default__', data: '{}', opts: '{"attempts":3}', timestamp: Date.now() };
      jobs.hset(`bull:${queue}:${id}`, job);
    }
    await jobs.lpush(`bull:${queue}:wait`, '1').zadd(`bull:${queue}:delayed`, due, '2').exec();
  }
  const revoked = '00000000-0000-4000-8000-000000000001';
  await redis.set(`vendhub:blacklist:user:${revoked}`, '1', 'EX', WEEK_SECONDS);
  await redis.set('vendhub:blacklist:token:revoked-by-seed', '1', 'EX', WEEK_SECONDS);
  await redis.set(`cart:${revoked}`, '{"items":[]}', 'EX', WEEK_SECONDS);
  await redis.set('telegram:session:1', '{"step":"menu"}');
  for (let first = 1; first <= cacheKeys; first += BATCH) {
    const batch = redis.pipeline();
    for (let key = first; key < Math.min(first + BATCH, cacheKeys + 1); key += 1) {
      batch.set(`cache:machines:${key}`, JSON.stringify({ etag: randomUUID(), rows: 'x'.repeat(200) }), 'EX', 3600);
    }
    await batch.exec();
  }
}

async function run(): Promise<void> {
  loadEnvFile();
  const [email, password] = [required(process.env, 'SEED_EMAIL'), required(process.env, 'SEED_PASSWORD')];
  const pool = createPool(databaseConfig(), 'vendhub-seed');
  const redis = createRedis(redisUrl());
  try {
    const ids = await seedDatabase(pool, email, password);
    await seedRedis(redis, whole(process.env, 'SEED_CACHE_KEYS', 100));
    process.stdout.write(`${JSON.stringify(ids)}\n`);
  } finally {
    await pool.end();
    redis.disconnect();
  }
}

run().catch((error: Error) => {
  process.stderr.write(`Cannot seed: ${error.message}\n`);
  process.exitCode = 1;
});
