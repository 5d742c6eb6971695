// SPDX-License-Identifier: GPL-3.0-or-later
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { databaseConfig, loadEnvFile } from './config';

export interface Migration {
  up(client: Client): Promise<void>;
  down(client: Client): Promise<void>;
}

interface Row {
  id: number;
  timestamp: string;
  name: string;
}

interface Known {
  name: string;
  timestamp: number;
  migration: Migration;
}

/** The migrations in the build folder, oldest first; one left over from a newer build counts too, as with TypeORM. */
function knownMigrations(): Known[] {
  const folder = join(__dirname, 'migrations');
  const known: Known[] = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.js'))) {
    const exported = require(join(folder, file)) as Record<string, new () => Migration>;
    for (const [name, Class] of Object.entries(exported)) {
      known.push({ name, timestamp: Number(name.slice(-13)), migration: new Class() });
    }
  }
  return known.sort((a, b) => a.timestamp - b.timestamp);
}

async function executed(client: Client): Promise<Row[]> {
  await client.query(
    `CREATE TABLE IF NOT EXISTS "migrations" ("id" SERIAL NOT NULL, "timestamp" bigint NOT NULL,
       "name" character varying NOT NULL, CONSTRAINT "PK_migrations" PRIMARY KEY ("id"))`);
  return (await client.query<Row>('SELECT * FROM "migrations" ORDER BY "id"')).rows;
}

async function run(client: Client): Promise<void> {
  const known = knownMigrations();
  const done = new Set((await executed(client)).map((row) => row.name));
  const pending = known.filter(({ name }) => !done.has(name));
  if (pending.length === 0) {
    print('No migrations are pending');
    return;
  }
  print(`${done.size} migrations are already loaded in the database.`);
  print(`${known.length} migrations were found in the source code.`);
  print(`${pending.length} migrations are new migrations must be executed.`);
  for (const { name, timestamp, migration } of pending) {
    await inTransaction(client, name, async () => {
      await migration.up(client);
      await client.query('INSERT INTO "migrations"("timestamp", "name") VALUES ($1, $2)', [timestamp, name]);
    });
    print(`Migration ${name} has been  executed successfully.`);
  }
}

async function revert(client: Client): Promise<void> {
  const last = (await executed(client)).at(-1);
  if (!last) {
    print('No migrations were found in the database. Nothing to revert!');
    return;
  }
  const known = knownMigrations().find(({ name }) => name === last.name);
  if (!known) {
    throw new Error(`No migration ${last.name} was found in the source code. `
      + 'Make sure you have this migration in your codebase and its included in the connection options.');
  }
  print(`${last.name} is the last executed migration.`);
  print('Now reverting it...');
  await inTransaction(client, last.name, async () => {
    await known.migration.down(client);
    await client.query('DELETE FROM "migrations" WHERE "id" = $1', [last.id]);
  });
  print(`Migration ${last.name} has been  reverted successfully.`);
}

async function show(client: Client): Promise<void> {
  const done = new Map((await executed(client)).map((row) => [row.name, row.id]));
  for (const { name } of knownMigrations()) print(done.has(name) ? `[X] ${done.get(name)} ${name}` : `[ ] ${name}`);
}

/** One transaction for one migration. No advisory lock is taken, so two runs at once collide, as in the backend. */
async function inTransaction(client: Client, name: string, work: () => Promise<void>): Promise<void> {
  await client.query('START TRANSACTION');
  try {
    await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    process.stderr.write(`Migration "${name}" failed, error: ${(error as Error).message}\n`);
    throw error;
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const command = { run, revert, show }[process.argv[2] ?? ''];
  if (!command) throw new Error('Usage: migrate.js run|revert|show');
  loadEnvFile();
  const { connectionTimeoutMillis, ...config } = databaseConfig();
  const client = new Client({ ...config, connectionTimeoutMillis, application_name: 'vendhub-migrate' });
  await client.connect();
  try {
    await command(client);
  } finally {
    await client.end();
  }
}

main().catch((error: Error) => {
  process.stderr.write(`Error during migration ${process.argv[2] ?? ''}:\n${error.stack ?? error.message}\n`);
  process.exitCode = 1;
});
