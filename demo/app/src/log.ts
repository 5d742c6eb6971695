// SPDX-License-Identifier: GPL-3.0-or-later
import { join } from 'node:path';
import { createLogger, format, transports, type Logger as Winston } from 'winston';
import { logDir } from './config';

type Level = 'LOG' | 'WARN' | 'ERROR';

const COLOURS: Record<Level, string> = { LOG: '32', WARN: '33', ERROR: '31' };
const WINSTON_LEVELS: Record<Level, string> = { LOG: 'info', WARN: 'warn', ERROR: 'error' };
const CLOCK = new Intl.DateTimeFormat('en-US', {
  year: 'numeric', month: '2-digit', day: '2-digit', hour: 'numeric', minute: 'numeric', second: 'numeric',
});

export interface Logger {
  log(message: string): void;
  warn(message: string): void;
  error(message: string, stack?: string): void;
}

let files: Winston | undefined;

/** One line as the framework prints it, with a stack on further lines. */
export function nestLine(level: Level, context: string, message: string, stack?: string, now = new Date()): string {
  const paint = (text: string, colour: string): string =>
    process.env.LOG_COLORS === 'true' ? `\x1b[${colour}m${text}\x1b[39m` : text;
  const own = COLOURS[level];
  // Intl separates the time from AM/PM by a narrow no-break space; log files hold a plain one.
  const time = CLOCK.format(now).replaceAll('\u202f', ' ');
  const head = `${paint(`[Nest] ${process.pid}  - `, own)}${time} ${paint(level.padStart(7), own)}`;
  const line = `${head} ${paint(`[${context}] `, '33')}${paint(message, own)}`;
  return stack ? `${line}\n${stack}\n` : `${line}\n`;
}

/** A log for one part of the program: readable lines on stdout (errors too), JSON lines in LOG_DIR. */
export function logger(context: string): Logger {
  const write = (level: Level, message: string, stack?: string): void => {
    process.stdout.write(nestLine(level, context, message, stack));
    fileLog().log({ level: WINSTON_LEVELS[level], message, context, ...(stack ? { stack } : {}) });
  };
  return {
    log: (message) => write('LOG', message),
    warn: (message) => write('WARN', message),
    error: (message, stack) => write('ERROR', message, stack),
  };
}

/** Resolves once the files hold what was logged, or after half a second when they cannot. */
export async function flushLogs(): Promise<void> {
  const log = fileLog();
  const written = new Promise<void>((done) => log.once('finish', () => setTimeout(done, 50)));
  log.end();
  await Promise.race([written, new Promise((done) => setTimeout(done, 500))]);
}

function fileLog(): Winston {
  if (files) return files;
  const dir = logDir();
  files = createLogger({
    level: 'info',
    format: format.combine(format.timestamp(), format.json()),
    transports: [
      new transports.File({ filename: join(dir, 'combined.log') }),
      new transports.File({ filename: join(dir, 'error.log'), level: 'error' }),
    ],
  });
  files.on('error', (error: Error) => process.stdout.write(nestLine('ERROR', 'Logger', error.message)));
  return files;
}
