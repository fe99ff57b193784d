"""Runs the recipe of Conan on the unpacked sources, and its test package on what that made.

The tests have no Conan, which gets its packages from the network. So this module takes the place of what the recipe imports
of it, with the meaning that Conan 2 documents, for oneTBB and the other libraries of the system. What the recipe says of
its package (libraries, targets, what they require) becomes the files for CMake that the test package finds.

    conan_recipe.py SOURCES WORK_DIR VERSION GENERATOR TBB_DIR CXX [option=True]...
"""

import fnmatch
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import types

# Packages of ConanCenter, as the system has them: what CMake finds, and the target of a component that recipes require.
SYSTEM = {"onetbb": ("TBB", {"libtbb": "TBB::tbb"}), "nlohmann_json": ("nlohmann_json", {}), "cli11": ("CLI11", {}),
          "fmt": ("fmt", {}), "zstd": ("zstd", {})}


class Options:
    """The options of a package; only those that the recipe declares."""

    def __init__(self, declared, values):
        self.__dict__.update(values)
        assert set(values) == set(declared), "each option needs a default"
        for name, value in values.items():
            assert value in declared[name], f"{name} cannot be {value}"

    def get_safe(self, name, default=None):
        return getattr(self, name, default)


class Setting(str):
    def get_safe(self, name, default=None):
        return "20" if name == "cppstd" else default


class Component:
    def __init__(self):
        self.libs, self.system_libs, self.requires, self.properties = [], [], [], {}

    def set_property(self, name, value):
        self.properties[name] = value


class PackageInfo(Component):
    def __init__(self):
        super().__init__()
        self.components = {}


class Components(dict):
    def __missing__(self, name):
        self[name] = Component()
        return self[name]


class ConanFile:
    def __init__(self, run):
        self.run_data = run
        self.settings = types.SimpleNamespace(os="Linux", arch="x86_64", compiler=Setting("gcc"), build_type="Debug")
        self.required = {}
        self.cpp_info = PackageInfo()
        self.cpp_info.components = Components()
        self.cpp = types.SimpleNamespace(build=types.SimpleNamespace(bindir=None))

    def requires(self, reference, visible=True):
        name = reference.split("/")[0]
        assert name in SYSTEM or name == "fanout", f"there is no {name}"
        self.required[name] = visible

    def run(self, command, env=None):
        subprocess.run(command, shell=True, check=True, cwd=self.build_folder)


class ConanInvalidConfiguration(Exception):
    pass


def check_min_cppstd(recipe, least):
    if int(recipe.settings.compiler.get_safe("cppstd")) < least:
        raise ConanInvalidConfiguration(f"C++{least} is needed")


def can_run(_):
    return True


def cmake_layout(recipe):
    recipe.build_folder = os.path.join(recipe.run_data["work"], type(recipe).__name__)
    recipe.cpp.build.bindir = "."


class CMakeToolchain:
    def __init__(self, recipe):
        self.recipe, self.cache_variables = recipe, {}

    def generate(self):
        self.recipe.cache_variables = self.cache_variables


class CMakeDeps:
    """Only what fanout's own package needs: those of the system are found as they are."""

    def __init__(self, recipe):
        self.recipe = recipe

    def generate(self):
        made = self.recipe.run_data.get("package")
        if made is None:
            return
        info, folder, external = made
        properties = info.properties["cmake_file_name"]
        lines = ["include(CMakeFindDependencyMacro)", "find_dependency(Threads)"]
        for name, visible in external.items():
            if visible:
                lines.append(f"find_dependency({SYSTEM[name][0]} CONFIG)")
        targets = {name: each.properties["cmake_target_name"] for name, each in info.components.items()}
        for name, each in info.components.items():
            links = [f"{folder}/lib/lib{lib}{self.recipe.run_data['suffix']}" for lib in each.libs] + each.system_libs
            for required in each.requires:
                package, _, component = required.rpartition("::")
                links.append(SYSTEM[package][1][component] if package else targets[component])
                assert not package or package in external, f"{package} is used, but not required"
            lines += [f"add_library({targets[name]} INTERFACE IMPORTED)",
                      f"target_include_directories({targets[name]} INTERFACE \"{folder}/include\")",
                      f"target_link_libraries({targets[name]} INTERFACE {' '.join(links)})"]
        generators = pathlib.Path(self.recipe.run_data["work"]) / "generators"
        generators.mkdir(exist_ok=True)
        (generators / f"{properties}-config.cmake").write_text("\n".join(lines) + "\n")
        self.recipe.cache_variables["CMAKE_PREFIX_PATH"] = generators


class CMake:
    def __init__(self, recipe):
        self.recipe = recipe

    def configure(self):
        recipe, run = self.recipe, self.recipe.run_data
        shared = {"BUILD_SHARED_LIBS": recipe.options.shared} if hasattr(recipe, "options") else {}
        variables = {"CMAKE_BUILD_TYPE": recipe.settings.build_type, "CMAKE_CXX_COMPILER": run["cxx"], "TBB_DIR": run["tbb"],
                     "CMAKE_CXX_FLAGS_DEBUG": "", "CMAKE_UNITY_BUILD": True, **shared, **recipe.cache_variables}
        subprocess.run(["cmake", "-G", run["generator"], "-S", recipe.source_folder, "-B", recipe.build_folder,
                        *(f"-D{name}={value}" for name, value in variables.items())],
                       check=True, stdout=subprocess.DEVNULL)

    def build(self):
        subprocess.run(["cmake", "--build", self.recipe.build_folder], check=True, stdout=subprocess.DEVNULL)

    def install(self):
        subprocess.run(["cmake", "--install", self.recipe.build_folder, "--prefix", self.recipe.package_folder],
                       check=True, stdout=subprocess.DEVNULL)


def copy(_, pattern, src, dst):
    """Keeps the folders of what matches; `*` matches across folders."""
    count = 0
    for file in pathlib.Path(src).rglob("*"):
        name = file.relative_to(src)
        if file.is_file() and fnmatch.fnmatch(str(name), pattern):
            (pathlib.Path(dst) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, pathlib.Path(dst) / name)
            count += 1
    assert count, f"{pattern} matches nothing in {src}"


def load(_, path):
    return pathlib.Path(path).read_text(encoding="utf-8")


def rmdir(_, path):
    shutil.rmtree(path)


def offer(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module


def recipe_in(folder, run):
    """The recipe of a folder."""
    spec = importlib.util.spec_from_file_location(f"recipe_{len(sys.modules)}", folder / "conanfile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    [kind] = [each for each in vars(module).values()
              if isinstance(each, type) and issubclass(each, ConanFile) and each is not ConanFile]
    recipe = kind(run)
    recipe.recipe_folder = str(folder)
    return recipe


def create(sources, run, version, options):
    recipe = recipe_in(sources / "packaging/conan", run)
    recipe.set_version()
    assert recipe.version == version, f"the recipe makes version {recipe.version}, and fanout is {version}"
    assert recipe.license == "Apache-2.0"
    recipe.export_sources_folder = recipe.source_folder = os.path.join(run["work"], "sources")
    recipe.export_sources()
    recipe.options = Options(recipe.options, {**recipe.default_options, **options})
    recipe.configure()
    recipe.layout()
    recipe.requirements()
    recipe.validate()
    recipe.generate()
    recipe.build()
    recipe.package_folder = os.path.join(run["work"], "package")
    recipe.package()
    recipe.package_info()
    package = pathlib.Path(recipe.package_folder)
    licence = (package / "licenses/LICENSE").read_bytes()
    assert licence == (sources / "LICENSE").read_bytes(), "the licence is another one"
    assert not (package / "lib/cmake").exists() and not (package / "lib/pkgconfig").exists()
    if options.get("with_tool"):
        says = subprocess.run([package / "bin/fanout", "--version"], check=True, capture_output=True, text=True).stdout
        assert version in says, f"the tool is version {says}"
    run["package"] = (recipe.cpp_info, package, recipe.required)
    return recipe


def test(sources, run):
    recipe = recipe_in(sources / "packaging/conan/test_package", run)
    assert recipe.generators == ("CMakeToolchain", "CMakeDeps")
    recipe.source_folder = recipe.recipe_folder
    recipe.tested_reference_str = "fanout/tested"
    recipe.requirements()
    recipe.layout()
    recipe.cache_variables = {}
    CMakeDeps(recipe).generate()
    recipe.build()
    recipe.test()


def main(sources, work, version, generator, tbb, cxx, *options):
    options = {name: value == "True" for name, value in (each.split("=") for each in options)}
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    run = {"work": work, "generator": generator, "tbb": tbb, "cxx": cxx,
           "suffix": ".so" if options.get("shared") else ".a"}
    offer("conan", ConanFile=ConanFile)
    offer("conan.errors", ConanInvalidConfiguration=ConanInvalidConfiguration)
    offer("conan.tools")
    offer("conan.tools.build", check_min_cppstd=check_min_cppstd, can_run=can_run)
    offer("conan.tools.cmake", CMake=CMake, CMakeDeps=CMakeDeps, CMakeToolchain=CMakeToolchain, cmake_layout=cmake_layout)
    offer("conan.tools.files", copy=copy, load=load, rmdir=rmdir)
    recipe = create(pathlib.Path(sources), run, version, options)
    test(pathlib.Path(sources), run)
    print(f"{recipe.name} {recipe.version}: made, and used by its test package")


if __name__ == "__main__":
    main(*sys.argv[1:])
