/**
 * Options from environment variables: `leaseMs` is LEASE_MS.
 */
export type Environment = Record<string, string | undefined>

/** The values of those options whose variable is set. An empty variable counts as not set. */
export function optionsFrom(env: Environment, options: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    options.flatMap(option => {
      const value = env[variableName(option)]
      return value ? [[option, value]] : []
    }),
  )
}

export function variableName(option: string): string {
  return option.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
}
