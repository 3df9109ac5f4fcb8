/**
 * The log of the command: JSON lines, or lines that are easy to read.
 */
import { type DestinationStream, type Logger, pino } from 'pino'
import { PinoPretty } from 'pino-pretty'
import type { Config } from '../config/config.ts'

export interface Log {
  log: Logger
  /** Writes the remaining lines, then calls `onClosed`. */
  end(onClosed: () => void): void
  /** Drops the remaining lines. */
  destroy(): void
}

/** Linux writes at most this much to a pipe atomically. Larger writes of several workers could be interleaved. */
const maxWriteBytes = 4_096
/** Lines that are waiting for stdout. Lines beyond this are dropped, so that a stalled pipe cannot fill the memory. */
const maxLogBytes = 1024 * 1024

/** `base`: fields of every line. */
export function createLog({ logLevel, logFormat }: Config, isTerminal: boolean, base: object | null): Log {
  // A line is written at once, and lines that come during a write are gathered for the next one. Holding lines back for
  // 100 ms would save 10 to 30 µs a line under load, and would need a timer that flushes them.
  const lines = pino.destination({ sync: false, maxLength: maxLogBytes, maxWrite: maxWriteBytes })
  const format = logFormat ?? (isTerminal ? 'pretty' : 'json')
  const pretty = format === 'pretty' ? PinoPretty({ colorize: isTerminal, singleLine: true, destination: lines }) : null
  const target: DestinationStream & { end(): void } = pretty ?? lines
  return {
    log: pino({ level: logLevel, base }, target),
    end(onClosed) {
      lines.on('close', onClosed)
      target.end()
    },
    destroy: () => lines.destroy(),
  }
}
