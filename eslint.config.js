import tseslint from 'typescript-eslint';

// Arrows point down only (docs/architecture.md). A package may import the ones listed for it, by their public name, and nothing else.
const arrows = {
  'packages/openstack': [],
  'packages/oslo-messaging': [],
  'packages/workflow': [],
  'packages/sites': ['openstack', 'oslo-messaging'],
  'packages/protection': ['sites', 'workflow', 'openstack', 'oslo-messaging'],
  'packages/identity': ['sites', 'workflow', 'openstack'],
  'packages/resources': ['sites', 'workflow', 'openstack'],
  'packages/network': ['sites', 'workflow', 'openstack', 'oslo-messaging'],
  'packages/agent': [],
  'packages/agent-hub': ['agent', 'sites'],
  'packages/emulator': ['oslo-messaging'],
  'packages/server': ['protection', 'resources', 'network', 'identity', 'agent-hub', 'sites', 'workflow', 'openstack'],
  'packages/cli': ['openstack'],
};
const rooms = ['openstack', 'oslo-messaging', 'workflow', 'sites', 'protection', 'resources', 'network', 'identity', 'agent', 'agent-hub', 'emulator', 'server', 'cli', 'lab', 'contract', 'proof', 'quickstart', 'bench'];

const restrict = (allowed) => ({
  'no-restricted-imports': ['error', {
    patterns: [
      ...rooms.filter((r) => !allowed.includes(r)).map((r) => ({ group: [`@godwit/${r}`, `@godwit/${r}/*`], message: 'arrows point down only: see docs/architecture.md' })),
      { group: ['@godwit/*/*'], message: 'import a package by its index only' },
      { group: ['**/packages/*/src/**'], message: 'import a package by its name' },
    ],
  }],
});

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'scripts/**', 'bin/**', '*.js', '*.ts'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  ...Object.entries(arrows).map(([dir, allowed]) => ({ files: [`${dir}/src/**/*.ts`], ignores: [`${dir}/src/**/*.test.ts`], rules: restrict(allowed) })),
  { files: ['packages/workflow/src/**/*.ts'], rules: {} },
  {
    files: ['packages/!(workflow)/src/**/*.ts', 'lab/**/*.ts', 'bench/**/*.ts', 'contract/**/*.ts', 'proof/**/*.ts', 'quickstart/**/*.ts'],
    rules: { 'no-restricted-modules': ['error', { paths: ['@dbos-inc/dbos-sdk'] }] },
  },
  { files: ['**/main.ts', 'lab/**/*.ts', 'bench/**/*.ts', 'contract/**/*.ts', 'proof/**/*.ts', 'quickstart/**/*.ts', '**/*.test.ts'], rules: { 'no-console': 'off' } },
);
