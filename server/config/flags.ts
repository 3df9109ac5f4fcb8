/**
 * Command-line flags of the options: `leaseMs` is --lease-ms.
 */
import { descriptions } from './descriptions.ts'
import { variableName } from './environment.ts'
import { optionsSchema } from './options.ts'

export interface ConfigFlag {
  option: string
  /** Without dashes. */
  name: string
  variable: string
  description: string
  /** The values that it accepts. */
  rule: string
  /** Undefined: there is none. */
  defaultValue: string | undefined
}

/** A second name of a flag. */
const shortNames: Record<string, string> = { redisUrl: 'redis' }

export function flagName(option: string): string {
  return shortNames[option] ?? longFlagName(option)
}

/** Every option as a flag, as the schema describes it. */
export function configFlags(): ConfigFlag[] {
  return Object.entries(optionsSchema({}).shape).map(([option, schema]) => ({
    option,
    name: flagName(option),
    variable: variableName(option),
    description: descriptions[option as keyof typeof descriptions],
    // No option accepts an object, and every message is the option's rule.
    rule: schema.safeParse({}).error?.issues[0]?.message ?? '',
    defaultValue: textOf(schema.safeParse(undefined).data),
  }))
}

/** The option of each flag name, without dashes. An option with a short name also has the name of its variable. */
export function optionsByFlag(): Map<string, string> {
  const options = Object.keys(optionsSchema({}).shape)
  return new Map(options.flatMap(option => [flagName(option), longFlagName(option)].map(name => [name, option])))
}

/** Options by the names of their flags, for `readConfig`. */
export function optionsOf(flags: Record<string, string>): Record<string, string> {
  const options = optionsByFlag()
  return Object.fromEntries(Object.entries(flags).map(([name, value]) => [options.get(name) ?? name, value]))
}

function longFlagName(option: string): string {
  return variableName(option).toLowerCase().replaceAll('_', '-')
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) return undefined
  return String(value)
}
