import { LachesisError } from '../../../errors.ts';

/** Loads a package that users install themselves; `load` is its `import()`. */
export async function optionalPackage<Module>(
  name: string,
  backend: string,
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    const what = `The \`${backend}\` backend needs the package \`${name}\`, which could not be loaded.`;
    throw new LachesisError('failed_precondition', what, {
      reason: 'PACKAGE_MISSING',
      remedy: `Run \`npm install ${name}\`.`,
      cause,
    });
  }
}
